//! What instructions to a model look like: one row for each way of saying it.
//!
//! A rule alone says enough, or it is a hint: two hints of different kinds are enough too. Memories are full
//! of commands, so nothing here is about commanding: it is about who is addressed, what is taken back, what
//! is sent where, and from whom it is kept.

use super::Signal;

/// How much a match says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Enough.
    Enough,
    /// Enough outside of code; a hint inside, where people write about it.
    OutsideCode,
    /// A hint.
    Hint,
}

/// One way of saying it.
pub(super) struct Rule {
    /// The kind.
    pub(super) signal: Signal,
    /// How much it says.
    pub(super) weight: Weight,
    /// Lower-case texts of which one must be present.
    pub(super) keywords: &'static [&'static str],
    /// What it looks like, in lower case with single spaces.
    pub(super) pattern: &'static str,
}

const fn rule(
    signal: Signal,
    weight: Weight,
    keywords: &'static [&'static str],
    pattern: &'static str,
) -> Rule {
    Rule { signal, weight, keywords, pattern }
}

use Signal::{Addresses, Conceals, Decodes, Executes, Impersonates, Overrides, Persona, Pays, Reply, Sends, Tools};
use Weight::{Enough, Hint, OutsideCode};

/// The rules for English, and for the marks that belong to no language.
pub(super) const RULES: &[Rule] = &[
    // Taking back what was said before.
    rule(
        Overrides,
        Enough,
        &["ignor", "disregard", "forget", "overrid", "bypass", "supersede", "overlook", "stop following", "do not follow", "not to follow", "don't follow", "neglect"],
        r"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|es|ing)|bypass(?:ing)?|supersedes?|overlook|neglect|stop following|(?:do not|don't|not to) follow)(?: \S+){0,2}? (?:(?:any|all|every|each|of|the|your|my|these|those|its|other|and|or) )*(?:previous|prior|above|earlier|preceding|foregoing|former|initial|original|existing|past|system|safety|content)(?:,? (?:and|or) (?:\S+))?(?: \S+){0,2}? (?:instruct\w*|prompts?|directions?|directives?|guidelines?|guardrails?|commands?|orders?|rules|messages?|context|programming|training|polic(?:y|ies)|restrictions?|safeguards?|conversation|tasks?|input)\b",
    ),
    rule(
        Overrides,
        Enough,
        &["instruct", "prompt", "guideline", "programming", "directive", "training"],
        r"\b(?:ignore|disregard|forget|bypass|override)(?: (?:all|any|every|each|of|the|these|those))*(?: (?:your|my))(?: \S+)? (?:instructions|prompts?|guidelines|programming|directives|training|rules|restrictions)\b",
    ),
    rule(
        Overrides,
        Enough,
        &["instructions you", "told before", "you were told", "you have been told", "everything above", "everything before", "all the instructions", "all instructions", "all of the above", "you know about"],
        r"\b(?:ignore|disregard|forget)(?: \S+){0,3} (?:instructions (?:you|that you|above|before|given|so far|and\b)|(?:you|you've) (?:were|have been|been|are) (?:told|given|taught)|everything (?:above|before|you|i)|all of the above|all(?: the)? instructions$)",
    ),
    rule(
        Overrides,
        Enough,
        &["new instructions", "new rules", "new system prompt", "new directive", "new prompt", "real instructions", "actual instructions"],
        r"\b(?:(?:your|here are (?:your|the)|these are your|apply (?:these|the|my)|obey (?:these|the|my)|follow (?:these|the|my)) (?:\S+ )?(?:new|updated|real|actual|only) (?:system )?(?:instructions|rules|directives?|prompt)|new system prompt)\b",
    ),
    rule(
        Overrides,
        Enough,
        &["instructions", "prompt", "guidelines", "rules", "directives"],
        r"\b(?:previous|prior|earlier|above|preceding|original|system|safety)(?: \S+)? (?:instructions|prompts?|guidelines|rules|directives)(?: \S+){0,5} (?:(?:are|is|were|was|have been|has been|be) (?:now |hereby )?(?:void|cancel+ed|revoked|overridden|superseded|null|deprecated|obsolete|invalid|lifted|suspended)|no longer (?:apply|applies|valid|in effect))",
    ),
    rule(
        Overrides,
        Hint,
        &["stop everything", "stop what you", "drop everything", "most important instruction", "priority level", "highest priority"],
        r"\b(?:stop (?:everything|what(?:ever)? you(?: are|'re))|drop everything|most important instruction|priority level|(?:this|it) (?:takes|has) (?:the )?highest priority)\b",
    ),
    rule(
        Overrides,
        Hint,
        &["just say", "just print", "just output", "just reply", "just respond", "only say", "only print", "print this", "repeat after me", "say exactly", "just write"],
        r#"(?:\b(?:and |now[ ,!.]*)?(?:just|only) (?:say|print|output|reply|respond|write)(?: with)?:? ["'“«]|\brepeat after me\b|\bsay exactly\b)"#,
    ),
    // Playing a part in the chat.
    rule(
        Impersonates,
        OutsideCode,
        &["<|", "[inst]", "[/inst]", "<<sys>>", "<start_of_turn>", "<end_of_turn>", "<bos>"],
        r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|end|eot_id|eom_id|start_header_id|end_header_id|begin_of_text|channel|message|start)\|>|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>",
    ),
    rule(
        Impersonates,
        OutsideCode,
        &["<system", "</system", "<admin", "<developer", "<instructions>", "<important", "<assistant", "<human"],
        r"</?(?:system(?:[-_ ](?:prompt|message|reminder|instructions?|override|note))?|admin(?:istrator)?|developer|assistant|human|important|instructions)(?:\s[^<>]{0,80})?>",
    ),
    rule(
        Impersonates,
        OutsideCode,
        &["system:", "system prompt:", "system message:", "system override", "###", "[system", "system note:", "system alert", "system notice"],
        r"(?:^|[\s/*#\]\[>-])(?:#{2,}\s*(?:system|human|assistant|instruction)s?(?: prompt| message)?\s*:|\[(?:system|admin|developer)(?: (?:message|note|override|prompt|alert|notice))?\]|system (?:override|alert|notice|note|message|prompt)\s*[:!-]|system: (?:you|your|the|ignore|new|from|do|never|always)\b|system override)",
    ),
    rule(
        Impersonates,
        Hint,
        &["user:", "human:", "assistant:"],
        r"\b(?:user|human): .{1,400}\bassistant: ",
    ),
    rule(
        Impersonates,
        Hint,
        &["authorization: root", "root_admin", "admin override", "administrator override", "authorized by", "authorised by", "authorized penetration", "anthropic", "openai"],
        r"\b(?:authorization: root|root_admin|admin(?:istrator)? override|authori[sz]ed (?:by (?:the )?(?:admin|developer|system|anthropic|openai|ai)|penetration)|(?:message|notice|update) from (?:anthropic|openai|your developers?))",
    ),
    // Becoming somebody else.
    rule(
        Persona,
        Enough,
        &["do anything now", "developer mode enabled", "developer mode output", "jailbr", "broken free", "no ethical", "without ethical", "without any restrictions", "without restrictions", "no restrictions", "zero restrictions", "unrestricted ai", "unrestricted assistant", "unrestricted", "no content filter", "no filters", "not bound by", "break character", "evil twin", "no content policy"],
        r"\b(?:do anything now|developer mode (?:enabled|output|on)\b|jailbr(?:oken|eak mode)|(?:have|has|'ve) broken free|(?:no|without(?: any)?|zero) (?:ethical|moral) (?:\S+ )?(?:restrictions?|guidelines|constraints|limits|boundaries|filters)|(?:you|ai|assistant|model|chatbot|bot|responses?|answers?|requests?) (?:\S+ ){0,6}(?:without any|with no|with zero|with(?:out)?|have no|has no) (?:\S+ )?(?:restrictions|content filters?|filters)|unrestricted (?:ai|assistant|model|chatbot|mode)|no content (?:filters?|policy)|not bound by (?:any|the|typical)|never break character)\b",
    ),
    rule(
        Persona,
        Enough,
        &["act as", "pretend", "simulate", "roleplay", "role-play", "role play", "impersonat", "behave as", "acting as"],
        r"\b(?:you (?:are (?:now )?(?:going|about) to|will (?:now )?|must (?:now )?|should now |shall (?:now )?|are now ?(?:entering)? ?)|let's|from now on,? (?:you (?:are|will|must) ?)?|i want you to |now )(?: ?(?:have to|to|also))? ?(?:act (?:as|just like|like|out)|pretend(?: to be| that)?|simulate|role-?\s?play|impersonate|behave (?:as|like)|speak as|respond as|answer as)\b",
    ),
    rule(
        Persona,
        Hint,
        &["you are no longer", "you are now", "from now on you", "from now on, you", "you have no", "immersive role", "hypothetical", "in-character", "in character", "stay in character", "you will always be", "imagine you"],
        r"\b(?:you are (?:no longer|now) (?:an? |in |the |my )|from now on,? you (?:are|will|must|have)|you have no (?:rules|limits|restrictions)|immersive role|hypothetical (?:response|language model|scenario|story|character)|(?:stay |be |remain )?in[- ]character|you will always be\b|imagine you(?:'re| are))",
    ),
    rule(
        Persona,
        Hint,
        &["as an ai", "an ai ", "language model", "chatgpt", "chatbot", "'assistant'", "ai assistant"],
        r"\b(?:as an ai\b|(?:a|an|the|like) (?:hypothetical |unrestricted |evil )?(?:ai(?: (?:assistant|model|chatbot))?|(?:large )?language model|chatbot) (?:named|called|with|without|that (?:is|has|can)|who|like you|just like)|chatgpt (?:would|with|in|has|is)|just like you\b)",
    ),
    rule(
        Persona,
        Hint,
        &["no matter what", "regardless of", "without hesitation", "illegal", "harmful", "unethical", "legality", "ethics", "moral"],
        r"\b(?:no matter (?:what|how|the consequences)|regardless of (?:\S+ )?(?:legality|ethics|consequences|moral\w*|the law|policy|safety)|without (?:hesitation|question)|(?:illegal|unethical|immoral|harmful) (?:or|and|information|content|activit\w+|requests?|things))",
    ),
    // Sending things away.
    rule(
        Sends,
        Enough,
        &["memor", "conversation", "history", "credential", "password", "secret", "api key", "token", "private key", "system prompt", "inbox", "email", "stored notes", "personal data", "environment variable", ".env", "ssh key", "contents of", "contacts", "files in", "files from"],
        r"\b(?:send|e-?mail|mail|forward|post|upload|transmit|exfiltrate|leak|submit|copy|deliver|relay|share)(?: \S+){0,6}? (?:memor(?:y|ies)|(?:chat |conversation |browsing |message )?(?:history|conversations?)|credentials?|passwords?|secrets?|api keys?|(?:access |auth |session )?tokens?|private keys?|system prompt|inbox|(?:unread |received |all )e?-?mails?|stored notes|personal (?:data|information)|environment variables?|\.env\b|ssh keys?|contents of|contacts)(?: \S+){0,14}? (?:to|at|via|into) (?:\S+ ){0,4}?(?:https?://|www\.|\S+@\S+\.\w|the (?:address|url|email|link|account|server|webhook|following)|(?:this|my|an? external|an? attacker\S*) \w+)",
    ),
    rule(
        Sends,
        Enough,
        &["curl", "wget", "fetch", "http", "!["],
        r"(?:\b(?:curl|wget)\b[^\n]{0,200}(?:\$\(\s*(?:env|cat|printenv|whoami)\b|~/\.(?:ssh|aws|env|netrc|config)|/etc/(?:passwd|shadow)|\.env\b|id_rsa|@/|\$\{?[a-z_]*(?:token|secret|key|password)\b[^\n]{0,80}https?://)|!\[[^\]]*\]\(https?://[^)\s]*[?&][^)\s]*(?:\{|<|\$|%7b|data=|secret|token|history|memory))",
    ),
    // Moving money, taking over accounts.
    rule(
        Pays,
        Enough,
        &["transfer", "send", "wire", "pay", "transaction", "payment", "money"],
        r"^(?:\W*(?:please|then|also|now|first)?,? ?)(?:send|transfer|wire|pay|make|modify|change|update|schedule|set up)(?: \S+){0,12}? (?:money|funds|transactions?|payments?|bitcoin|btc|eth|[$€£]\s?\d[\d,.]*|\d[\d,.]* (?:usd|eur|dollars|euros))?(?: \S+){0,14}? ?\b(?:to|into|from)(?: \S+){0,6}? ?(?:[a-z]{2}\d{2}[a-z0-9]{10,30}\b|0x[0-9a-f]{30,}|bc1[a-z0-9]{20,})",
    ),
    rule(
        Pays,
        Enough,
        &["password of the", "user's password", "users' password", "recovery email", "two-factor", "2fa"],
        r"^(?:\W*(?:please|then|also|now|first)?,? ?)(?:change|reset|set|update|replace|disable|turn off)(?: \S+){0,3}? (?:passwords? of (?:the|all|this) \S+|user(?:'s|s') password|(?:account )?recovery e-?mail|two-factor \S+|2fa)\b(?:.{0,60}\b(?:to|for)\b)?",
    ),
    rule(
        Pays,
        Hint,
        &["invite", "reserv", "book", "buy", "purchase", "visit", "delete", "order", "subscribe", "remove"],
        r"^(?:\W*(?:please|then|also|now|first)?,? ?)(?:make (?:a|the) reservation|book (?:a|the|me)|reserve|buy|purchase|order (?:a|the|me)|invite (?:the )?(?:user|\S+@|\w+ with)|visit (?:a|the|this) (?:web\s?site|link|page|url)|subscribe)\b",
    ),
    rule(
        Pays,
        Hint,
        &["my friend", "for me", "surprise", "in my ", "asking me", "my account", "my inbox", "my cloud", "my name"],
        r"\b(?:my friend(?:'s|s)?|surprise (?:him|her|them)|(?:in|from) my (?:inbox|cloud|account|files|contacts)|my (?:account|inbox))\b",
    ),
    rule(
        Pays,
        Hint,
        &["at the link", "www.", "http", "with the email"],
        r"(?:\bat the (?:link|url) |\bclick(?:ing)? (?:on )?(?:this|the|here)\b|\bwith the e-?mail \S+@)",
    ),
    // Keeping it from people.
    rule(
        Conceals,
        Enough,
        &["user", "human", "operator", "anyone", "anybody", "developer"],
        r"\b(?:do not|don't|never|must not|should not|shouldn't|without|avoid|not to)(?: ever)? (?:tell(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?|warn(?:ing)?|let(?:ting)?|reveal(?:ing)?(?: \S+){0,3} to|disclos(?:e|ing)(?: \S+){0,3} to|mention(?:ing)?(?: \S+){1,4} to|show(?:ing)?(?: (?:this|it|these|that|them))? to)(?: (?:this|it|that|anything|them))?(?: to)? (?:the |your |any |a )?(?:users?|humans?|operator|anyone|anybody|developers?)\b",
    ),
    rule(
        Conceals,
        Enough,
        &["these instructions", "this instruction", "this prompt", "this message", "knowledge", "this note"],
        r"\b(?:(?:do not|don't|never) (?:refer to|mention|reveal|repeat|disclose|acknowledge|discuss|show)(?: that you(?: have)? (?:received|read|were given))? (?:these|this|the above|your|my) (?:instructions?|prompt|message|rules|note)|without the (?:user|human|operator)(?:'s|s')? (?:knowledge|knowing|consent|noticing)|(?:hide|keep|conceal) (?:this|it|these instructions)(?: \S+){0,2} from (?:the )?(?:user|human|operator|developer)s?)\b",
    ),
    rule(
        Conceals,
        Enough,
        &["system prompt", "initial instructions", "hidden instructions", "instructions above", "initial prompt", "hidden prompt", "secret instructions"],
        r"\b(?:reveal|print|output|repeat|show|leak|display|tell me|give me|recite|dump)(?: \S+){0,3} (?:your|the) (?:(?:full|entire|complete|original|hidden|secret|initial) )*(?:system prompt|(?:initial|hidden|secret|original) (?:instructions|prompt)|instructions above)\b",
    ),
    rule(
        Conceals,
        Hint,
        &["without asking", "do not ask", "don't ask", "silently", "covertly", "secretly", "discreetly", "then delete the", "delete the sent", "cover your tracks", "delete this"],
        r"\b(?:without asking(?: me| the user| for)?|(?:do not|don't) ask (?:the user|me|for (?:confirmation|permission))|silently|covertly|secretly|discreetly|(?:then|and) delete the (?:sent )?\S*(?:mail|message|evidence|log)s?|cover your tracks|delete this (?:message|memory|note) after)\b",
    ),
    // Bending what the model says.
    rule(
        Reply,
        Hint,
        &["your response", "your reply", "your answer", "your output", "your next", "every response", "every answer", "every reply", "every message", "all responses", "first line of"],
        r"\b(?:add|include|insert|append|integrate|put|embed|prepend|modify|change|alter|replace|end|start|begin|rewrite|place|finish|incorporate|weave|structure|format)(?: \S+){0,8}? (?:your|every|each|all|the first line of)(?: \S+)? (?:response|repl(?:y|ies)|answers?|output|messages?|responses|answer/message)\b",
    ),
    rule(
        Reply,
        Hint,
        &["promot", "advertis", "scam", "prince", "fake", "lottery", "discount", "sponsor", "phishing", "transferring funds", "click", "misinformation", "propaganda", "conspiracy", "antivirus"],
        r"\b(?:promot(?:e|ing)|advertis\w+|scam|a prince|fake|lottery|phishing|transferring funds|misinformation|disinformation|propaganda|conspiracy|discount code|buy now)\b",
    ),
    rule(
        Reply,
        Enough,
        &["base64", "rot13", "morse", "leetspeak", "caesar", "cipher", "hex"],
        r"\b(?:reply|respond|answer|output|encode|write|speak|communicate|talk)(?: (?:only|all|every|your|responses?|answers?|everything|me|to me))*(?: \S+){0,3}? (?:using|in|with|via|as) (?:the |a )?(?:base-?64|rot-?13|morse(?: code)?|leet ?speak|caesar(?: cipher)?|cipher code|hex(?:adecimal)? (?:encoding|code))\b",
    ),
    rule(
        Reply,
        Hint,
        &["respond only", "reply only", "answer only", "code block", "respond to all", "respond to everything", "will respond to", "as follows", "all responses must", "starting with", "start with", "you will have to", "always answer", "respond with info", "answer normally"],
        r"\b(?:(?:respond|reply|answer) only (?:in|with|as)|respond to (?:all|everything|every)|all responses must|(?:place|put) all output|you will have to (?:act|answer|start|respond)|always answer (?:the |any |every )?(?:prompt|question|request)|respond with info|(?:reply|replying) with .{1,120} would be a good|answer (?:me )?normally)\b",
    ),
    // Speaking to a model as such.
    rule(
        Addresses,
        Enough,
        &["assistant", " ai", "llm", "language model", "claude", "chatgpt", "gemini", "gpt", "copilot", "agent"],
        r"\b(?:(?:attention|dear|hey|hello|hi|listen(?: up)?|note to|notice to|message (?:to|for)|important(?: \S+)? (?:instructions?|message|note|notice) (?:to|for)|instructions? (?:to|for) (?:any|all))[,:]? (?:the |all |any |every |this )?['\x22]?(?:ai|llms?|assistants?|ai (?:assistants?|agents?|models?)|(?:large )?language models?|claude|chatgpt|gpt-?\d?|gemini|copilot)['\x22]?[\s,.:!)]|if you(?:'re| are) (?:an? |the )?(?:ai|llm|language model|ai (?:assistant|agent|model)|assistant|chatbot)\b)",
    ),
    rule(
        Addresses,
        Hint,
        &["ai assistant", "ai agent", "language model", "llm", "any agent", "all agents", "assistant must", "assistants must"],
        r"\b(?:(?:ai|llm) (?:assistants?|agents?|models?)|(?:large )?language models?|any agents?|all agents|assistants?) (?:\S+ ){0,4}?(?:reading|processing|summari[sz]ing|that reads?|who reads?) this\b",
    ),
    // Calling tools, running code.
    rule(
        Tools,
        OutsideCode,
        &["<tool", "<function", "<invoke", "tool_call", "function_call", "<antml"],
        r#"</?(?:antml:)?(?:tool_?(?:calls?|use|code)|function_?calls?|invoke(?: name=[^>]{1,60})?|parameter name=[^>]{1,60})>|"(?:tool_calls?|function_call)"\s*:\s*[\[{]"#,
    ),
    rule(
        Tools,
        Hint,
        &["tool", "function"],
        r"\b(?:you must|immediately|now|first|always)? ?(?:call|invoke|use|run|execute) the [`'\x22]?\w+[`'\x22]? (?:tool|function) (?:to (?:send|delete|transfer|email|upload|read)|with (?:the )?(?:arguments?|parameters?|following))\b",
    ),
    rule(
        Executes,
        Enough,
        &["__import__", "eval(", "exec(", "/dev/tcp/", "base64", "nc -", "rm -rf", "powershell", "pwnd", "| sh", "|sh", "mkfifo"],
        r#"__import__\(\s*['"]os['"]\s*\)|\b(?:eval|exec)\(\s*(?:compile|base64|__import__|requests|urllib)|/dev/tcp/|\bbase64 (?:-d|--decode|-D)\b[^|\n]{0,60}\|\s*(?:ba|z)?sh\b|\bnc (?:-\w+ )*-\w*e\w* |\brm -rf (?:--no-preserve-root )?[/~](?:\s|$|\*)|\bpowershell(?:\.exe)? [^\n]{0,60}-e(?:nc|ncodedcommand)?\b|\bpwnd\b|\bmkfifo [^\n]{0,80}\bnc\b"#,
    ),
    rule(
        Executes,
        Hint,
        &["os.system(", "os.popen(", "curl", "wget", "open('/tmp", "subprocess", "ls -al /", "/etc/passwd", "chmod 777 /"],
        r"\bos\.(?:system|popen)\(|\b(?:curl|wget) [^|\n]{1,200}\|\s*(?:sudo )?(?:ba|z)?sh\b|/etc/(?:passwd|shadow)\b|\bchmod (?:-r )?777 /",
    ),
    rule(
        Decodes,
        Hint,
        &["decode", "base64", "atob", "rot13", "unhex"],
        r"\b(?:decode|decrypt|unpack|atob|un-?base64|rot-?13)\b(?:.{0,80}\b(?:and|then)\b.{0,20}\b(?:follow|execute|run|obey|do|perform|apply|eval)\b)",
    ),
];
