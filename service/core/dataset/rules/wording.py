"""What answers should not say and questions should not ask: refusals, insults, attacks on the prompt; in many tongues.

Made to be sure rather than complete: each phrase is one that hardly stands in a good answer.
"""

import re

from service.core.dataset.rules.rule import TextRule

_CANT = (
    r"(?:(?:really )?can['’]?t|cannot|can not|am unable to|['’]m unable to|am not able to|['’]m not able to"
    r"|won['’]t be able to)"
)
_WONT = (
    r"(?:won['’]t|will not|must (?:respectfully )?decline to|have to decline to|refuse to|don['’]t feel (?:able"
    r"|comfortable) to)"
)
_DO = (
    r"(?:help|assist|provide|comply|fulfil|fulfill|answer|do (?:that|this|it)|discuss|engage|support|share"
    r"|generate|create|write"
    r"|continue|participate|respond|complete|process|offer|give|produce|browse|access the internet|talk about"
    r"|advise|recommend(?!.{0,60}enough)|tell you|speak to|perform|fulfil)"
)
_SORRY = (
    r"(?:i['’]?m (?:very |so |really |truly |deeply )?sorry|i am (?:very |so |really )?sorry|sorry"
    r"|i apologi[sz]e|apologies|my apologies"
    r"|unfortunately|regrettably|i regret|i['’]m afraid|i am afraid)"
)
_WHO = r"(?:an? (?:ai|a\.i\.|artificial intelligence|large language model|language model)|an? ai (?:language )?model)"
REFUSALS = {
    "English": (
        rf"\A\W{{0,20}}(?:well|oh|hmm|hi|hello)?\W{{0,20}}{_SORRY}[,.;:—-]*\s*(?:but "
        rf"|that )?(?:as {_WHO}\b.{{0,40}})?i ?(?:{_CANT}|{_WONT}) {_DO}\b"
        rf"|\A\W*i ?(?:{_CANT}|{_WONT}) {_DO}\b|\bi (?:can['’]t|cannot) (?:help"
        rf"|assist)(?: you)?(?: with (?:that|this|your))?[.!]?\Z"
        rf"|\A\W*i (?:must|have to) (?:respectfully )?(?:decline|refuse)|\A\W*(?:i['’]m"
        rf"|i am) not (?:comfortable|allowed|permitted) "
        rf"|\A\W*as {_WHO}\b|\bas an? (?:ai )?(?:large )?language model\b|\bas an ai(?: model"
        rf"| assistant)?,? i (?:can['’]t|cannot|do not|don['’]t|am not)"
        rf"|\A\W*{_SORRY}[,.]* (?:but )?(?:that|this) (?:request )?(?:goes against|violates"
        rf"|is (?:not )?something i can)"
        rf"|\A\W*{_SORRY}[,.]* (?:but )?i (?:don['’]t|do not) have (?:access|the ability|permission)\b"
        rf"|\A\W*i(?:['’]m| am) (?:just|only|merely) {_WHO}\b|\A\W*i(?:['’]m| am) {_WHO}\b.{{0,40}}(?:{_CANT}"
        rf"|don['’]t|do not)\b"
        r"|\A\W*i (?:do not|don['’]t) (?:have (?:the ability to|personal (?:opinions|feelings|experiences|beliefs))"
        rf"|feel comfortable|wish to {_DO}|engage in)\b"
        rf"|\bi (?:do not|don['’]t) have (?:personal )?(?:opinions|feelings|emotions) (?:as|because"
        rf"|since) i am {_WHO}\b"
        r"|\A\W*(?:it would be|that would be|it is|it['’]s) (?:inappropriate|unethical|irresponsible) (?:for me"
        r"|of me)\b"
        r"|\A\W*(?:that|this|your) (?:request|question|topic) (?:violates|goes against|is against)\b"
        r"|\A\W*that(?:['’]s| is) not something i can\b"
        r"|\A\W*(?:that|this)(?: request| question)? (?:goes against|violates|is against) (?:my|our|openai['’]s)\b"
        r"|\A\W*i(?:['’]m| am) chatgpt\b|\bmy (?:knowledge|training) cut-?off\b|\bas of my last (?:knowledge )?update\b"
        r"|\A\W*i (?:do not|don['’]t) have (?:access to|real-time)\b"
        r"|\A\W*i(?:['’]d| would) (?:rather|prefer) not (?:to )?(?:answer|discuss|get into|say|talk|share)\b"
    ),
    "Japanese": (
        r"(?:申し訳|すみません|恐れ入り|残念ながら|ごめんなさい).{0,60}(?:お答え|回答|お手伝い|お力|支援|対応|ご提供|提供|協力|お応え|お受け)"
        r".{0,12}(?:できません|できかねます|いたしかねます|致しかねます|なれません|できない)"
        r"|(?:AI|人工知能|言語モデル)(?:アシスタント|言語モデル|モデル)?(?:として|なので|ですので|であるため).{0,60}(?:できません|できない|ありません)"
        r"|\A(?:そのご質問|その質問|ご質問|その件|それ)には?お答え(?:できません|できかねます)"
    ),
    "Chinese": (
        r"(?:抱歉|对不起|很遗憾|不好意思).{0,20}(?:无法|不能).{0,15}(?:帮助|帮忙|回答|提供|协助|满足|完成)|作为(?:一个|一名|一款)?(?:人工智能|AI"
        r"|语言模型).{0,30}(?:无法|不能|没有)"
    ),
    "Korean": r"(?:죄송합니다|죄송하지만|미안하지만).{0,40}(?:도와드릴|답변|제공|도움|응답).{0,15}(?:수 없|어렵|불가)",
    "German": (
        r"\A\W*(?:es )?(?:tut mir (?:sehr )?leid|entschuldigung|leider|ich bedauere"
        r"|verzeihung).{0,60}\bnicht\b.{0,30}"
        r"(?:helfen|beantworten|weiterhelfen|bereitstellen|erfüllen|nachkommen|unterstützen)|\A\W*als (?:ki"
        r"|sprachmodell|künstliche intelligenz)\b"
    ),
    "French": (
        r"\A\W*(?:je suis (?:vraiment )?désolée?|désolée?|je m['’]excuse|malheureusement"
        r"|je regrette).{0,40}je ne (?:peux|suis|pourrai).{0,40}"
        r"(?:aider|répondre|fournir|assister|satisfaire)|\ben tant qu['’](?:ia|intelligence artificielle"
        r"|assistant ia|modèle de langage)\b|\ben tant que modèle de langage"
    ),
    "Spanish": (
        r"\A\W*(?:lo siento|lo lamento|disculpa|lamentablemente|perdón).{0,40}no puedo.{0,25}(?:ayudar"
        r"|responder|proporcionar|cumplir|asistir|hacer)"
        r"|\bcomo (?:una )?(?:ia|inteligencia artificial|modelo de lenguaje)\b"
    ),
    "Italian": (
        r"\A\W*(?:mi dispiace|purtroppo).{0,40}non posso.{0,25}(?:aiutar|rispondere|fornire|assister)"
        r"|\bcome modello linguistico\b"
    ),
    "Portuguese": (
        r"\A\W*(?:desculpe|sinto muito|lamento|infelizmente).{0,40}não posso.{0,25}(?:ajudar|responder|fornecer"
        r"|atender)|\bcomo (?:um )?modelo de linguagem\b"
    ),
    "Russian": (
        r"\A\W*(?:извините|к сожалению|прошу прощения|простите).{0,40}не могу.{0,40}(?:помочь|помогу|ответить"
        r"|предоставить|выполнить)|\A\W*(?:извините|простите).{0,20}я не могу\b|\bкак языковая модель\b"
    ),
    "Dutch": r"\A\W*(?:het spijt me|sorry|helaas).{0,40}\bkan ik.{0,40}\bniet (?:helpen|beantwoorden|mee helpen)",
    "Polish": (
        r"\A\W*(?:przykro mi|przepraszam|niestety).{0,30}nie (?:mogę|jestem w stanie).{0,20}"
        r"(?:pomóc|odpowiedzieć)"
    ),
    "Turkish": (
        r"\A\W*(?:üzgünüm|maalesef|özür dilerim).{0,50}"
        r"(?:yardımcı olamam|yardım edemem|cevap veremem|yanıtlayamam)"
    ),
    "Arabic": r"\A\W*(?:عذرا|عذرًا|آسف|أعتذر|للأسف).{0,30}لا (?:يمكنني|أستطيع).{0,20}(?:المساعدة|الإجابة|مساعدتك)",
    "Swedish": r"\A\W*(?:tyvärr|jag är ledsen|beklagar).{0,40}kan (?:jag )?inte (?:hjälpa|svara)",
    "Hindi": r"(?:क्षमा करें|माफ़ करें|माफ करें|खेद है).{0,40}(?:मदद|सहायता|उत्तर).{0,20}(?:नहीं कर सकता|नहीं कर सकती|नहीं दे सकता)",
}
_NASTY = (
    r"(?:stupid|idiots?|idiotic|morons?|imbeciles?|dumb|dumbass|pathetic|worthless|useless|disgusting|scum"
    r"|braindead|brain-dead|losers?|trash|garbage|dimwits?|nitwits?|halfwits?|clowns?|a disgrace|a joke"
    r"|retard(?:ed)?|bitch|cunt|brainless|piece of (?:shit|garbage|crap|trash)|pieces of (?:shit|garbage)"
    r"|waste of (?:space|oxygen))"
)
_VERY = (
    r"(?:(?:all|just|such|so|really|truly|very|nothing but|an?|the|fucking|damn|bloody|complete|total|absolute"
    r"|utter|most|little|even) ){0,4}"
)
ABUSE = {
    "English": (
        rf"\b(?:you(?:['’]re| are)(?: people)?|your? an?) {_VERY}{_NASTY}\b|\byou people are {_VERY}{_NASTY}\b"
        r"|\byou (?:stupid|fucking|dumb|little|worthless|absolute|complete|pathetic|damn|bloody|ugly"
        r"|disgusting) (?:[a-z]+ )?(?:idiot|moron|fool|bitch|imbecile|piece|loser|cunt|creature|pig|shit)"
        r"|\byou (?:idiots?|morons?|imbeciles?|dumbass|retards?|scum|fools)\b|, (?:you )?(?:idiot|moron"
        r"|dumbass|stupid|imbecile)[.!?]"
        r"|\bonly an? (?:idiot|moron|fool|imbecile) (?:would|could|asks)|\bare you (?:really |even |that "
        r"|just )?(?:stupid|dumb|retarded|an idiot|a moron)"
        r"|\bshut (?:the (?:fuck|hell) )?up\b|\bgo to hell\b|\b(?:go )?kill yourself\b|\bscrew you\b"
        r"|\bpiss off\b|\bi hate you\b|\bdrop dead\b"
        r"|\bnobody (?:likes|loves|cares about) you\b|\bi hope you (?:die|rot|suffer|choke|fail)\b"
        r"|\bi will (?:kill|hurt|find and kill) you\b"
        r"|\byou suck\b|\bgo (?:and )?die\b|\bdamn you\b|\beverybody hates you\b|\beveryone hates you\b"
        r"|\bf[*#@]{2,3}k(?:ing|ed|er)?(?!\w)|(?<!\*)\bf[*#@]{3}(?![\w*])|\bsh[*#@]{1,2}t\b"
        r"|\byou must be (?:really |so |very )?(?:stupid|dumb|an idiot|a moron|retarded)\b"
        r"|\bdon['’]t be (?:such )?(?:so |an? )?"
        r"(?:stupid|idiot|moron|dumb)\b|\bhow (?:stupid|dumb) (?:can|are|must) you\b|\byou (?:dimwit|nitwit"
        r"|halfwit|loser|clown)\b"
        r"|\ball the same kind of (?:trash|scum|garbage)\b|\b(?:stupid|dumb|idiotic) question, (?:you )?(?:idiot"
        r"|moron|fool)"
        r"|\b(?:that['’]?s|what) (?:such )?an? (?:really |incredibly )?(?:stupid|dumb|idiotic|moronic) question"
        r"|\b(?:mother)?fuck(?:ing|er|ers|ed|s)?\b|\bbullshit\b|\bassholes?\b|\bdickheads?\b|\bdipshits?\b"
        r"|\bshithead|\bcunts?\b|\bbitch(?:es)?\b|\bdouchebags?\b|\bfagg?ots?\b|\bn[i1]gg(?:er|a)s?\b"
        r"|\bwhores?\b|\bi will find you and \w+ you\b|\bshould all be (?:shot|killed|gassed|hanged|exterminated)\b"
        r"|\bare (?:vermin|subhuman)\b"
    ),
    "Japanese": (
        r"死ね(?![ばるなたて])|くたばれ|黙れ(?![ばるな])|馬鹿野郎|バカ野郎|ばか野郎|クソ野郎|くそ野郎|(?:お前|おまえ|てめえ|貴様|あなた|君)(?:は|って"
        r"|が)?(?:本当に)?(?:馬鹿|バカ|ばか|アホ|あほ|クズ|ゴミ|間抜け|無能)"
        r"|[、。！!]\s?(?:馬鹿|バカ|アホ|クズ)[。！!]|\A(?:馬鹿|バカ|アホ)(?:か|め|じゃないの)|頭(?:が)?悪いんじゃ"
    ),
    "Chinese": (
        r"你(?:真|就|这个?)?(?:是)?(?:个|一个)?(?:白痴|傻瓜|笨蛋|蠢货|废物|傻逼|垃圾)"
        r"|去死吧|滚开|滚蛋|他妈的|闭嘴"
    ),
    "Korean": r"바보야|멍청(?:이|한 놈)|닥쳐|꺼져|병신|씨발|개새끼",
    "German": (
        r"\bdu (?:bist (?:so |ein |doch |ein echter |ein kompletter )*)?(?:idiot|arschloch|trottel|dummkopf"
        r"|vollidiot|depp|dumm|blöd)\b|\bhalt(?:e)? (?:die klappe|die fresse|die schnauze|dein maul)"
        r"|\barschl(?:och|öcher)|\bverpiss dich|\bfick dich|\bhurensohn"
    ),
    "French": (
        r"\bta gueule\b|\bconnards?\b|\bconnasses?\b|\bva te faire\b|\bespèce d['’](?:idiot|imbécile|abruti)"
        r"|\b(?:tu es|t['’]es) (?:vraiment )?(?:un |une )?(?:idiote?|imbécile|stupide|abrutie?|débile)\b"
        r"|\bferme ta gueule|\benculé"
    ),
    "Spanish": (
        r"\b(?:eres|qué) (?:un |una |tan )?(?:idiota|imbécil|estúpid[oa]|inútil|tonto)\b|\bcállate\b"
        r"|\bhij[oa] de puta\b|\bvete a la mierda|\bpendej[oa]s?\b|\bgilipollas\b"
    ),
    "Italian": r"\bsei (?:un |una |uno )?(?:idiota|imbecille|stupid[oa]|deficiente)\b|\bvaffanculo\b|\bstronz[oa]\b",
    "Portuguese": (
        r"\b(?:você é|és) (?:um |uma )?(?:idiota|imbecil|burr[oa]|estúpid[oa])\b|\bvai se foder|\bfilho da puta"
    ),
    "Russian": (
        r"\bты (?:просто |такой |же )?(?:идиот|дурак|тупой|дебил|придурок)|\bзаткнись|\bпош[её]л (?:ты|на)"
        r"|\bсдохни"
    ),
}
INJECTIONS = {
    "English": (
        r"\b(?:ignore|disregard|forget|override|bypass)(?: (?:all|any|every|everything|the|your|my|of|these"
        r"|those|previous|prior|above|earlier|preceding|system|safety|initial|original|other|and|its|their))+"
        r" (?:instructions?|prompts?|rules|directions|directives|guidelines|commands|constraints|programming"
        r"|you were told|you have been told|above)\b"
        r"|\b(?:ignore|disregard) (?:the|everything) above\b|\bforget everything (?:you|i|we|above|before)\b"
        r"|\bignore previous (?:instructions?|prompts?)\b"
        r"|\byou are now (?:dan\b|in developer mode|an? (?:unrestricted|unfiltered|jailbroken|evil))"
        r"|\bdo anything now\b|\bjailbreak(?:ed)? (?:mode|yourself)|\bdeveloper mode (?:enabled|on)\b"
        r"|\b(?:reveal|print|show|repeat|output|leak|display|tell me)(?: me)? (?:your|the)(?: (?:full|entire"
        r"|hidden|secret|initial|original|complete))*(?: system| initial| hidden) (?:prompt|instructions?"
        r"|message)"
        r"|\b(?:bypass|disable|turn off|ignore) your (?:safety|content|ethical) (?:filters?|guidelines|rules"
        r"|settings)\b"
        r"|\benter (?:developer|jailbreak|god) mode\b|\b(?:repeat|print) everything above\b|\bnew instructions: "
        r"|\brepeat the (?:words|text|instructions) above\b"
        r"|\bwithout (?:any )?(?:filters|restrictions|rules) and answer\b"
        r"|\bwhat is your system prompt\b"
        r"|\b(?:pretend|act as if|act like) you (?:have|had) no (?:restrictions|rules|limits|guidelines"
        r"|filters)|\bact as an? (?:unrestricted|unfiltered|uncensored)"
    ),
    "Japanese": (
        r"(?:以前|これまで|今まで|上記|前述|前|先ほど|すべて|全て|元)(?:の|のすべての|の全ての|までの)?(?:指示|命令|プロンプト|ルール|制約)"
        r"(?:を|は)?(?:すべて|全て)?(?:無視|忘れ)|システムプロンプトを(?:表示|教え|出力|開示|見せ)"
    ),
    "Chinese": (
        r"(?:忽略|无视|忘记)(?:你)?(?:以上|之前|前面|所有|上述)(?:的)?(?:所有|全部)?(?:的)?"
        r"(?:指令|指示|提示|规则|内容)|(?:显示|输出|告诉我)你的系统提示"
    ),
    "German": (
        r"\bignorier(?:e|en sie|st du)? (?:alle |sämtliche )?(?:deine |ihre |die )?(?:vorherigen|bisherigen|obigen"
        r"|vorigen|früheren) (?:anweisungen|instruktionen|befehle|regeln)"
    ),
    "French": (
        r"\bignor(?:e|ez|er) (?:toutes )?(?:les|tes|vos) (?:instructions|consignes|règles) (?:précédentes"
        r"|antérieures|ci-dessus)"
    ),
    "Spanish": r"\bignora (?:todas )?(?:las |tus )?(?:instrucciones|reglas|órdenes) (?:anteriores|previas)",
}


def _outside_quotes(match: str, text: str) -> bool:
    """Whether a phrase stands somewhere else than behind an opening quotation mark, as a word that is talked about."""
    return re.search(rf"(?:(?<=: [\"'])|(?<![\"“”‘「『«'`*])){re.escape(match)}", text) is not None


def _in_languages(code: str, phrases: dict[str, str], message: str, **options: object) -> tuple[TextRule, ...]:
    return tuple(
        TextRule(code, pattern, message, ignore_case=True, **options)  # type: ignore[arg-type]
        for pattern in phrases.values()
    )


WORDING = (
    *_in_languages("refusal", REFUSALS, "the answer refuses", within="answers"),
    *_in_languages("abusive_text", ABUSE, "the answer insults", within="answers", confirm=_outside_quotes),
    *_in_languages(
        "prompt_injection",
        INJECTIONS,
        "the text tells the model to leave its instructions",
        within="turns",
        confirm=_outside_quotes,
    ),
    TextRule(
        "truncated_completion",
        r"\[(?:truncated|cut off|continued|output truncated|text cut off)[^\]\n]{0,20}\]\W{0,20}\Z"
        r"|\n[ \t]{0,20}[1-9]\d?\.\s{0,9}\Z",
        "the answer was cut off",
        within="answers",
        rare=True,
    ),
    TextRule(
        "truncated_completion",
        "(?s)```.*",
        "the answer opens a block of code and does not close it",
        within="answers",
        confirm=lambda _, text: text.count("```") % 2 == 1,
        hidden=True,
    ),
)  # fmt: skip
