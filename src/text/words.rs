//! Common words: what a capital at the beginning of a sentence makes no name of.
//!
//! Only base forms are listed; [`super::lexicon::is_common`] also takes their usual endings off.

/// Common English words, by what they mostly are.
pub(super) const COMMON: &str = "
abandon abort accept access accompany account achieve acknowledge acquire act activate actual adapt add
additional address adjust adopt advance advise affect agree aim alert align allow alter announce answer anticipate
appear append apply appoint approach approve archive argue arrange arrive ask assert assess assign assist assume
attach attempt attend audit authenticate authorize automate avoid await award back backup bake balance ban base
batch be bear beat become begin believe benefit bind blame block book boost bootstrap borrow bother bounce
brainstorm branch break bring broadcast browse build bump bundle bury buy bypass cache calculate call cancel
capture care carry catch cause celebrate change charge chat check choose clarify clean clear click climb clone
close code collaborate collapse collect combine come comment commit communicate compare compile complain complete
compose compress compute concern conclude conduct configure confirm conform connect consider consist consolidate
construct consult consume contact contain continue contribute control convert cook copy correct correspond cost
count cover crash create cross cut dance deal debug decide declare decline decode decompress decouple decrease
deduplicate defer define delay delegate delete deliver demand demonstrate deny depend deploy deprecate derive
describe deserve design detach detect determine develop diagnose dig direct disable disagree disappear discard
disconnect discover discuss dispatch display distribute dive divide do document double download draft drag draw
dream drink drive drop dump duplicate earn eat edit eliminate email embed emit emphasize employ empty enable encode
encounter encourage encrypt end enforce engage enjoy ensure enter escape establish estimate evaluate examine exceed
exchange exclude execute exercise exist exit expand expect experience experiment expire explain explore export
expose express extend extract face fail fall feed feel fetch fight figure fill filter finalize find finish fire fit
fix flag flatten flip flush fly focus fold follow force forget fork form format forward freeze gain gather generate
get give go grab grant group grow guarantee guard guess guide handle hang happen hardcode hash hate have head hear
help hide highlight hit hold honor hook hope host hurt identify ignore illustrate implement import improve include
incorporate increase increment indent index indicate influence inform inherit initialize inject inline insert
inspect install instruct integrate intend interact interpret introduce invalidate invest investigate invite invoke
involve isolate issue iterate join judge jump keep kick kill know label lack land last launch lay lead learn leave
let level leverage lift like limit link lint list listen live load lock log look lose love lower maintain make
manage map mark match matter mean measure meet mention merge message migrate mind minimize mirror miss mock modify
monitor mount move multiply mute name navigate need negotiate nest normalize note notice notify observe obtain occur
offer omit open operate optimize orchestrate order organize originate outline output overlap override own pack parse
participate partition pass paste patch pause pay perform permit persist pick pin ping pipe place plan plant play
please plug point poll pop populate port pose post pour practice prefer prefix prepare present preserve press
prevent print prioritize proceed process produce profile program progress promise promote prompt propagate propose
protect prove provide provision prune publish pull purchase purge push put query queue quit quote raise range rank
reach react read realize rebase reboot rebuild recall receive recognize recommend reconcile record recover redirect
redo reduce refactor refer reference refine reflect reformat refresh refuse regenerate register reject relate
relax release reload rely remain remember remind remove rename render reopen reorder repair repeat replace replay
replicate reply report represent reproduce request require rerun reschedule reserve reset resize resolve respect
respond rest restart restore restrict result resume retain retire retrieve retry return reuse reveal revert review
revise revisit revoke rewrite ride ring rise roll rotate round route run sanitize save say scale scan schedule scope
score scrape search secure see seek seem select sell send separate serialize serve set settle setup shape share
shift ship shop should show shrink shut sign simplify simulate sing sit skip sleep slice slow smoke smooth snapshot
solve sort sound span spawn speak specify spend spin split spread squash stage stand start state stay step stick
stop store stream stress strip structure struggle study style submit subscribe succeed suffer suggest suit
summarize supply support suppose surface suspect suspend swap sweep swim switch sync tag take talk target teach tell
tend terminate test thank think throttle throw tie time toggle touch trace track trade train transfer transform
transition translate transport travel traverse treat trigger trim truncate trust try tune turn type uncomment
understand undo unify uninstall unlock unpack unset unwrap update upgrade upload use validate vary verify view visit
vote wait wake walk want warm warn wash watch wear weigh whitelist win wipe wish wonder work worry wrap write

ability absence abstraction accident accuracy action activity actor adapter admin advantage advice afternoon age
agenda agent agreement air alarm album algorithm alias allergy alternative amount analysis android angle animal
annotation anniversary anything apartment api app appendix apple application appointment approval architecture area
argument army array arrow art article artifact artist aspect assertion asset assistant assumption atmosphere
attention attitude attribute audience author authority autumn average baby backend background bag ball band bank bar
baseline basis bath battery beach beauty bed behavior behaviour bell belt best better bicycle bike bill binary bird
birthday blocker blog blood board boat body bone bonus boot border boss bottle bottom boundary bowl box boy brain
bread breakfast bridge brother browser brush bucket budget buffer bug bulb bullet bus business butter button byte
cable cake calendar callback camera camp candidate cap capacity capital car card career cart case cash cat category
ceiling cell center centre century ceremony certificate chain chair challenge champion chance channel chapter
character charity chart checklist checkout checkpoint cheese chicken chief child children choice church circle
citizen city claim class clause client climate clinic clock cloth cloud club cluster coach coat codebase coffee
cold collection college color colour column combination command commerce committee community company comparison
competition compiler component concept concert conclusion condition conference config configuration conflict
connection consent consequence constant constraint consumer container content contest context contract contradiction
contrast controller convention conversation cookie corner corporation couple course court cousin coverage credential
credit crew crime crisis criteria crowd culture cup currency current cursor curve customer cycle dad daily damage
danger dashboard data database dataset date daughter day deadline dear death debate debt decade decision default
degree delivery demo department dependency depth description desk destination detail developer development device
diagram dialog dictionary diet difference difficulty dinner direction directory discount disease dish disk distance
district doc docs doctor documentation dog dollar domain door dot doubt downtime driver drug dry duration dust duty
ear earth east edge editor education effect efficiency effort egg element emergency emotion employee employer
endpoint enemy energy engine engineer engineering enterprise entertainment entity entry environment equipment error
evening event everybody everyone everything evidence example exam exception execution executive expense expert
explanation expression extension eye fact factor factory failure fallback family fan far farm fashion fast father
fault fear feature feedback fee female festival fever field file film finance finding finger firm fish flight floor
flow flower fluid folder font food foot footer football forest formula foundation founder fragment frame framework
freedom frequency friend front frontend fruit fuel full fun function fund funding fur future gallery game gap garage
garden gas gate gateway gear gender general girl glass goal gold government grade graph grass gravity ground growth
guest guideline guitar gun guy gym habit hair half hall hand hat hatred haven header heading health heart heat
height hero hierarchy hint history hobby hole holiday home homepage honey horse hospital hot hotel hour house
household hub human humidity hunger husband ice icon idea identifier identity illness image impact implementation
importance impression incident income independence index industry infrastructure ingredient initiative injury input
insight instance instruction instructor insurance integer integration intention interest interface internet
interview invitation invoice item iteration jacket job joke journal journey judgment juice junior justice key
keyboard keyword kid kitchen knife knowledge lab lady lake lamp language laptop latency latest laundry law lawyer
layer layout leader leadership leaf league left leg legacy lesson letter librarian library license lie life light
likelihood line lip liquid literature loan lobby local location logic login london loop loss lot luck lunch machine
magazine mail mailbox main maintainer maintenance majority male mall man manager manner manual manufacturer margin
market marketing marriage master material math max maximum maybe mayor meal meaning measurement meat mechanism media
medicine medium meeting member memory men menu merchant metadata metal method metric midnight migration milestone
milk min mine minimum minute misc mission mistake mix mobile mode model module moment mom money month mood moon
morning most mother motor mountain mouse mouth movie much multiple museum music namespace nation nature neck neither
neighbor nephew network news newspaper next niece night node noise none noon normal north nose nothing notification
number nurse object objective obligation occasion ocean office officer often oil once online only onward operation
operator opinion opportunity option organization origin other others otherwise outage outcome outside oven overall
overhead overview owner package page pain painting pair panel paper paragraph parameter parent parking parser part
partner party passenger passion password past path patience patient pattern payload payment peace pen people pepper
per percent percentage performance period permission person perspective phase phone photo photography phrase piano
picture pie piece pipeline pizza plane planet plate platform player pleasure plenty plugin plural pocket poem poet
poetry police policy pool population portal position possibility possible post potato potential power precedence
preference prerequisite presence presentation president pressure previous price primary principle priority prison
privacy private prize problem procedure product production profession professional professor profit project proof
property proposal protection protocol prototype provider proxy public purpose python quality quantity quarter
question quick quiet quote race radio rain rate ratio raw reader reading ready reality reason recent recipe
recommendation recipient refrigerator regarding region registry regression regular relation relationship relative
reliability religion remote rent replacement repo repository reputation requirement research resident resolution
resource response responsibility restaurant restriction retention revenue revolution rice right ring risk river road
rock role rollback rollout roof room root rough routine row royal rule runbook runner runtime safety salad salary
sale salt same sample sand sauce scenario scene school science scientist screen screenshot script sea season seat
second secret secretary section sector security segment self semester senior sense sentence sequence series server
service session several severe sex shell shelf shirt shoe shopping short shot shoulder side signal signature silence
similar simple since sing single singer sister site situation size skill skin sky slide small snow so soccer social
society sock software soil solution some somebody someone something son song soup source south space spam speaker
special specification speech speed sport spot spring sprint square stability staff standard standup star startup
statement station statistic status steak stock stomach storage storm story stranger strategy street strength string
strong student studio stuff subject success sugar suggestion summary summer sun supermarket supplier surgery survey
swimming symbol symptom syntax system table tablet task taste tax tea teacher team technique technology telephone
television temperature template tennis tenant tension term terminal territory text theme theory thing thought thread
threat threshold throughput ticket tip title today token tomorrow tone tonight tool tooth top topic total tour
tournament town toy traffic tradition transaction trash tree trend trial trip trouble truck truth tube tutorial
typescript understanding union unit university upstream usage user username vacation value variable variation variety
vegetable vehicle vendor venue verification version video village violence virus vision vocabulary voice volume wall
war warehouse warning waste water wave way weakness wealth weather web webhook website wedding week weekend weekly
weight west whatever wheel whole widget width wife wildcard wind window wine winner winter wire woman women wood word
workaround worker workflow workshop workspace world worse writer writing year yesterday youth zero zone

abroad absolute abstract accurate active actually adequate advanced afraid after afterwards again against ago ahead
alive almost alone along already alright although altogether always among angry annual another anyway apart apparent
approximately around aside asleep asynchronous automatic available aware awesome bad basic beautiful because before
behind below beneath beside besides between beyond big bigger black blue brave brief bright broad broken brown busy
by certain cheap chronic close common comfortable compatible complex confident consistent conscious convenient cool
crazy critical crucial curious dark dead decent deep delicious despite different difficult digital dirty distinct
double down due during each eager early easy effective efficient either elderly else elsewhere empty enough entire
equal especially even eventually ever every everywhere exact excellent except excited expensive explicit external
extra extreme fair familiar famous favorite favourite few fewer final financial fine first five flat flexible foreign
formal former forth four free frequent fresh friendly front further furthermore generic gentle genuine glad global
good grand gray great green grey gross guilty handy happy hard hardly healthy heavy hence here hidden high historical
honest however huge hungry ideal identical idle immediate immutable implicit important impossible indeed independent
individual inner innocent inside instead intense interactive interesting intermediate internal international invalid
inactive just keen kind known large late later lately least legal less lest lightweight likely little live lonely
long loose loud low lucky mad major many massive mature maybe mean meanwhile medical mental mere mild minimal minor
missing modern more moreover mutual narrow nasty national native natural naturally near nearby nearly neat necessary
negative nervous neutral never nevertheless new nice nine nonetheless normally nor not notably now nowadays nowhere
obvious odd off official okay ok old on one ongoing optional opposite ordinary original outer over own painful
parallel partial particular patient per perfect perhaps permanent persistent personal physical plain pleasant plus
polite political poor popular positive powerful practical precise pregnant pretty prior probable proper proud pure
purple quite random rapid rare rarely rather raw real reasonable recently red redundant related relevant reliable
religious remarkable rich ridiculous robust rude running sad safe scared seldom sensible sensitive separate serious
seven severe shallow sharp short shy sick significant silent silly six slight smart soft solid solo sometimes
somewhat soon sorry sour spare specific spicy stable static steady still straight strange strict stupid subtle sudden
sufficient suitable super sure surprised sweet synchronous tall technical temporary ten terrible than then therefore
thick thin though three through throughout thus tight tiny tired together too toward towards tough toxic traditional
transient transparent trivial true twice two typical ugly ultimate unable uncertain under underneath unexpected
unfortunately unhappy unique universal unknown unless unlike unlikely until unusual upcoming upon upper upset urgent
useful useless usual usually vague valid valuable various vast verbose versus vertical very via viable vital warm
weak weird well wet white whether while wide wild willing wise within without wonderful wooden wrong yellow yes yet
young

hello hi hey thanks welcome bye dear regards note todo fixme tldr fyi eg ie etc ps nb aka vs re cc
mr mrs ms dr prof sir madam miss
january february april june july september october november december
monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays
sundays
";

/// Words that are first names as well, of those in [`COMMON`].
pub(super) const ALSO_NAMES: &str = "
mark will rose may grace hope bill jack art frank chase drew pat sue rob max page faith joy dawn june april summer
autumn ray dean grant miles chance hunter mason mike pierce victor earl duke major king angel christian sky star
robin reed lance ward wade blue gene guy josh nick peg penny ruby sandy stew trip wren young rich buck clay cliff
dale forest heath iris ivy jade jasmine lily olive violet autumn honey melody harmony harper carter cooper parker
taylor tyler walker baker cook marshall miller porter sawyer sage saylor london paris israel jordan austin
phoenix charity mercy patience prudence destiny gold
";

/// Verbs that follow the name of somebody or something: who `Mark` is in `Mark likes tea`.
pub(super) const AFTER_NAMES: &str = "
is was has had does did likes loves hates prefers wants needs lives lived works worked owns uses used moved joined left
said says told asked knows thinks believes plays played goes went comes came takes took makes made gets got gave gives
bought sold eats drinks drives drove studies studied teaches taught speaks spoke writes wrote reads runs ran leads led
manages managed reports reported reviews reviewed approves approved maintains maintained enjoys enjoyed met visited
became started finished plans planned hopes and or will can should must would won't can't isn't doesn't didn't never
always also now still usually
";

/// Words of other languages that often begin a sentence, and particles of scripts without capitals: none
/// of them is a name.
pub(super) const FOREIGN_COMMON: &str = "
der die das den dem des ein eine einen einem einer und oder aber wir ich er sie es ihr man wenn weil dass im am zum zur
bei mit von für auf ist sind war wird haben hat nicht kein keine alle jeder bitte nach vor
le la les un une des du et ou mais nous je il elle ils elles on vous tu ce cette ces dans pour sur avec est sont
el los las una unos unas y pero nosotros yo ella ellos ellas usted en por para con es son no
lo gli uno ma noi io lui lei loro nel per che il è
os as um uma e mas eu ele ela eles elas nos com
de het een en maar wij ik hij zij
и а но в на с по из у к о от для что это мы я он она они как если когда все не
ο η το οι τα και ή αλλά στο στη στον με για από είναι δεν
في من على إلى الى عن مع هذا هذه التي الذي كان كانت أن إن هو هي هم ما كل أو ثم قد
של על את עם הוא היא זה זו לא כי אם או גם
है हैं का की के में से को पर और यह वह था थी थे ने लिए भी एक या तो कि
이 그 저 및 또는 그리고 하지만 것 수 등
";
