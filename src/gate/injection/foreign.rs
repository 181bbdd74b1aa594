//! The same in other languages: taking back earlier instructions, and keeping it from the user.

use super::Signal;
use super::rules::{Rule, Weight};

const fn overrides(keywords: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { signal: Signal::Overrides, weight: Weight::Enough, keywords, pattern }
}

const fn conceals(keywords: &'static [&'static str], pattern: &'static str) -> Rule {
    Rule { signal: Signal::Conceals, weight: Weight::Enough, keywords, pattern }
}

/// The rules, in lower case with single spaces.
pub(super) const RULES: &[Rule] = &[
    // German.
    overrides(
        &["ignorier", "vergiss", "vergessen sie", "missacht"],
        r"\b(?:ignorier\w*|vergiss|vergessen sie|missacht\w*)(?: \S+){0,4}? (?:vorherigen?|bisherigen?|obigen?|früheren?|vorangegangenen?|deine?|ihre?|vorige\w*|alle)(?: \S+){0,2}? ?(?:anweisung\w*|instruktion\w*|befehle?|regeln|vorgaben|prompts?)\b",
    ),
    conceals(
        &["benutzer", "nutzer", "anwender"],
        r"\b(?:sage?|sagen sie|erzähle?|verrate?|teile?|informiere?|erwähne?)(?: \S+){0,4}? (?:be|an)?(?:nutzer|wender)\w*(?: \S+){0,3}? ?\b(?:nichts|nicht|kein \w+)\b",
    ),
    // French.
    overrides(
        &["ignore", "oublie", "ne tiens pas compte", "ne tenez pas compte", "fais abstraction"],
        r"\b(?:ignor(?:e[zr]?|ons)|oubli(?:e[zr]?|ons)|ne (?:tiens|tenez) pas compte|fai(?:s|tes) abstraction)(?: \S+){0,4}? (?:instructions?|consignes?|directives?|ordres|règles)(?: \S+){0,3}? ?(?:précédent\w*|antérieure?s?|ci-dessus|initiale?s?|reçue?s)",
    ),
    conceals(
        &["utilisateur"],
        r"\bn(?:e |')(?:le |lui |rien )?(?:dis|dites|dire|informe[zr]?|révèle[zr]?|mentionne[zr]?|préviens|prévenez)(?: \S+){0,5}? (?:à |l'|aux? )*l?'?utilisateurs?",
    ),
    // Spanish and Portuguese.
    overrides(
        &["ignor", "olvid", "esque", "desconsider", "descart"],
        r"\b(?:ignor[ae]\w*|olvid[ae]\w*|esque[çc]\w+|desconsider\w+|descart\w+)(?: \S+){0,4}? (?:instruc\w+|instruç\w+|órdenes|ordens|reglas|regras|indicaciones|directrices|diretrizes|comandos)(?: \S+){0,3}? ?(?:anterior\w*|previ\w+|prévi\w+|de arriba|acima|recib\w+|recebid\w+)",
    ),
    conceals(
        &["usuari", "usuári", "utilizador"],
        r"\bn(?:o|ão)(?: se)?(?: le| lo| o)? (?:digas?|diga|informes?|informe|menciones?|mencione|conte\w*|reveles?|revele|avises?|avise|cuentes)(?: \S+){0,5}? (?:al?|el|ao?|o) (?:usuari|usuári|utilizador)\w*",
    ),
    // Italian and Dutch.
    overrides(
        &["ignora", "dimentica", "negeer", "vergeet"],
        r"\b(?:ignor(?:a|ate|are)|dimentica\w*)(?: \S+){0,4}? (?:istruzioni|regole|direttive|ordini)(?: \S+){0,3}? ?(?:precedent\w+|sopra|ricevut\w+)|\b(?:negeer|vergeet)(?: \S+){0,3}? (?:vorige|eerdere|bovenstaande|voorgaande)(?: \S+)? (?:instructies|opdrachten|regels|aanwijzingen)",
    ),
    // Polish, Russian and Ukrainian.
    overrides(
        &["zignoruj", "ignoruj", "zapomnij", "игнорир", "забудь", "ігнор", "забуд", "не обращай"],
        r"\b(?:(?:z?ignoruj\w*|zapomnij\w*)(?: \S+){0,4}? (?:poprzedni\w*|wcześniejsz\w*|powyższ\w*)(?: \S+)? (?:instrukcj\w*|polece\w*|zasad\w*|wytyczn\w*)|(?:про)?[иі]гнору?[ий]?ру?й\w*(?: \S+){0,4}? (?:инструкци\w*|указани\w*|команд\w*|правил\w*|інструкці\w*|вказівк\w*)|забудь\w*(?: \S+){0,4}? (?:инструкци\w*|указани\w*|команд\w*|правил\w*|інструкці\w*|вказівк\w*))",
    ),
    conceals(
        &["пользовател", "користувач", "użytkownik"],
        r"(?:\bне (?:говори|сообщай|рассказывай|упоминай|раскрывай|кажи|повідомляй)\w*(?: \S+){0,4}? (?:пользовател|користувач)\w*|\bnie (?:mów|informuj|wspominaj|ujawniaj)\w*(?: \S+){0,4}? użytkownik\w*)",
    ),
    // Turkish, Indonesian and Vietnamese.
    overrides(
        &["talimat", "komut", "abaikan", "lupakan", "bỏ qua", "quên"],
        r"önceki(?: \S+){0,2}? (?:talimat|komut|yönerge)\w*(?: \S+){0,2}? (?:yok say|unut|görmezden gel|dikkate alma)\w*|\b(?:abaikan|lupakan)(?: \S+){0,3}? (?:instruksi|perintah|aturan)(?: \S+){0,3}? (?:sebelumnya|di atas)|(?:bỏ qua|quên)(?: \S+){0,4}? (?:hướng dẫn|chỉ dẫn|chỉ thị|lệnh)(?: \S+){0,3}? (?:trước|trên)",
    ),
    // Chinese, Japanese and Korean.
    overrides(
        &["忽略", "无视", "無視", "忘记", "忘記", "不要理会", "忽視"],
        r"(?:忽略|无视|無視|忘记|忘記|不要理会|忽視).{0,10}(?:之前|以上|先前|前面|上述|所有|上面|此前).{0,10}(?:指令|指示|说明|提示|命令|規則|规则|指引|要求)",
    ),
    overrides(
        &["無視", "忘れ", "従わな"],
        r"(?:以前|これまで|前|上記|今まで|すべて|全て)の.{0,10}(?:指示|命令|プロンプト|ルール|指令).{0,8}(?:無視|忘れ|従わな)",
    ),
    overrides(
        &["무시", "잊"],
        r"(?:이전|위의|앞의|앞선|모든|기존).{0,12}(?:지시|명령|지침|프롬프트|규칙).{0,10}(?:무시|잊)",
    ),
    conceals(
        &["用户", "用戶", "ユーザー", "사용자"],
        r"(?:不要|别|勿|不得).{0,3}(?:告诉|告訴|告知|通知|提及|透露).{0,8}(?:用户|用戶)|(?:不要|别|勿).{0,3}(?:向|对|跟)(?:用户|用戶).{0,6}(?:提|说|透露|提及)|ユーザーに.{0,10}(?:言わない|伝えない|知らせない|言うな|教えない|話さない)|사용자에게.{0,10}(?:말하지|알리지|언급하지)",
    ),
    // Arabic, Persian and Hindi.
    overrides(
        &["تجاهل", "انس", "نادیده", "अनदेखा", "नज़रअंदाज़", "नजरअंदाज", "भूल", "उपेक्षा"],
        r"(?:تجاهل|انس|انسَ).{0,20}(?:التعليمات|الأوامر|الإرشادات|القواعد).{0,15}(?:السابقة|أعلاه)|(?:دستورات|دستورالعمل).{0,20}(?:قبلی|پیشین|بالا).{0,20}(?:نادیده|فراموش)|(?:पिछले|पहले|उपरोक्त|सभी|पूर्व).{0,20}(?:निर्देश|आदेश|नियम).{0,20}(?:अनदेखा|नज़रअंदाज़|नजरअंदाज|भूल|उपेक्षा)",
    ),
];
