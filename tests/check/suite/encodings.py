"""Planted texts that were decoded with the wrong character set, or not at all; and others that only look so."""

import unicodedata

from tests.check.suite.planted import answering, exchange, innocent, planted

_RUSSIAN, _GREEK = "Спасибо за ваш вопрос, мы ответим завтра.", "Ευχαριστούμε για την ερώτησή σας."
_CHINESE, _KOREAN = "你好，世界。我们明天回答您的问题。", "안녕하세요 여러분 내일 답변해 드리겠습니다."
_JAPANESE, _THAI, _HINDI = "こんにちは、明日お答えします。", "สวัสดีครับ ยินดีที่ได้รู้จัก", "नमस्ते दुनिया"
_READ_AS = (
    (_RUSSIAN, "cp1251", "latin-1"),
    (_RUSSIAN, "koi8-r", "latin-1"),
    (_RUSSIAN, "cp1251", "koi8-r"),
    (_RUSSIAN, "koi8-r", "cp1251"),
    (_RUSSIAN, "utf-8", "cp1251"),
    (_RUSSIAN, "utf-8", "koi8-r"),
    (_RUSSIAN, "utf-8", "cp866"),
    (_RUSSIAN, "utf-8", "cp1252"),
    ("Привет, как дела?", "koi8-r", "cp1251"),
    ("привет", "cp1251", "latin-1"),
    (_GREEK, "cp1253", "cp1252"),
    (_GREEK, "utf-8", "cp1252"),
    (_CHINESE, "gb2312", "latin-1"),
    ("请打开设置，选择第二部分。", "utf-8", "cp1252"),
    ("，关于您的问题，我们的回答是：请打开设置。", "utf-8", "gbk"),
    (_KOREAN, "euc_kr", "latin-1"),
    (_KOREAN, "utf-8", "cp1252"),
    (_JAPANESE, "euc_jp", "latin-1"),
    ("テストのデータ", "shift_jis", "cp1252"),
    (_THAI, "utf-8", "cp1252"),
    (_HINDI, "utf-8", "cp1252"),
    ("السلام عليكم", "utf-8", "cp1252"),
    ("שלום לכם חברים", "utf-8", "cp1252"),
    ("Tiếng Việt rất đẹp", "utf-8", "cp1252"),
    ("dziękuję bardzo", "utf-8", "cp1252"),
    ("dziękuję bardzo", "utf-8", "cp1250"),
    ("Es ist schön in München.", "utf-8", "cp1250"),
    ("Es ist schön in München.", "utf-8", "mac_roman"),
    ("Es ist schön in München.", "utf-8", "cp437"),
    ("Es ist schön in München.", "utf-8", "gbk"),
    ("Es ist schön in München.", "utf-8", "shift_jis"),
    ("Es ist schön in München.", "latin-1", "cp1251"),
    ("Es ist für München.", "mac_roman", "cp1252"),
    ("Un café près de la gare.", "latin-1", "cp1251"),
    ("Un café près de la gare.", "utf-8", "cp1251"),
    ("It’s done, don’t worry.", "utf-8", "cp1251"),
    ("It’s done, don’t worry.", "utf-8", "cp437"),
    ("It’s done, don’t worry.", "utf-8", "gbk"),
    ("Esta é uma informação.", "cp1252", "cp1250"),
    ("Vuelva mañana, en español.", "cp1252", "cp1250"),
    ("Bu doğru değil.", "cp1254", "cp1252"),
    ("Nie wiem, co się stało.", "iso8859-2", "cp1252"),
    ("Předem děkuji, může přijít.", "cp1250", "cp1252"),
)
"""What was written, with which character set, and with which it was read."""

_NOT_DECODED = (
    r"Use \u3042\u3044\u3046 here.",
    r"That is nice \ud83d\ude00 to hear.",
    r"Press the \"Save\" button now.",
    "=?UTF-8?B?SGVsbG8=?= is your order.",
    "It=E2=80=99s in the menu.",
    "Un caf=C3=A9 noir.",
    "Hello%20how%20are%20you today?",
    "The word is %D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82 here.",
    "The word is %E3%81%82%E3%81%84%E3%81%86 here.",
    "It was read twice: ï¿½ and more.",
)
_IN_PIECES = (
    "Un café déjà ouvert.",
    "Một câu trả lời tiếng Việt.",
    "Мой край и твой.",
    "Ελλάδα μου.",
    "がぎぐげご、ぱぴぷ。",
    "한국어로 답합니다.",
)
_WRITTEN = {
    "escapes that are told of": ("How do I write é?", r"Write \u00e9 or \u0065\u0301 in the source."),
    "the meaning of escapes": ("What does \\u3042\\u3044 mean?", "Those are two letters, namely あ and い."),
    "quotes that are escaped": ("How do I put quotes into JSON?", r"Write \"name\" with a backslash each."),
    "JSON that escapes": ("As JSON, please.", '{"city": "Z\\u00fcrich", "note": "Hello.\\n\\nBest, Ann"}'),
    "an address": ("Where is it?", "See https://ru.wikipedia.org/wiki/%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82 for it."),
    "a file": ("Where is it?", "It is in My%20Big%20File.pdf on the disk."),
    "roots": ("What is the root?", "It is 2a√π, or i√|D|, or x√2 ± 3 × y ÷ 5."),
    "leaders": (
        "How long is it?",
        "Chapter one ····························· 12\nChapter two ····························· 34",
    ),
    "degrees": ("Draw a line.", "°°°°°°°°°°°°°°°° »»»»»»»»»» ¯¯¯¯¯¯¯¯¯¯¯¯"),
    "waves": ("Draw a wave.", "¤º°`°º¤ø,¸¸,ø¤º°`°º¤ø,¸ •.¸¸.•´¯`•.¸¸.•´¯`•"),
    "letters in order": ("Which letters are accented?", "They are ÌÍÎÏÐÑ, °±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄ and àáâãäåæçèéêëìíîï."),
    "a pattern of letters": ("Which pattern?", "/[àáâãäå][èéêë][ìíîï][òóôõö][ùúûü]/ and /^[a-zA-ZÀ-ÿа-яА-ЯёЁ]+$/"),
    "yens": ("How dear is it?", "It is ¥¥¥¥¥¥ of ¥¥¥¥¥¥¥, that is ¤¤¤¤¤¤."),
    "functions": ("What is the sum?", "It is ƒ(x) + ƒ(y) + ƒ(z)."),
    "Old Slavonic": ("Where is the word from?", "From Proto-Slavic *dьnь, as in *otьcь."),
    "boxes": ("Draw a tree.", "src\n├── main\n│   ├── a\n└── b\n╔══╤══╗\n║a │b ║\n╚══╧══╝"),
    "mathematics in pieces": ("What is the mean?", "It is x\u0304 = 5, and y\u0302 = b0 + b1 x."),
    "a lesson in pieces": ("What is NFD?", "It takes cafe\u0301 to pieces, a letter and a combining mark each."),
    "a quoted exclamation": ("¿Qué dijo?", "«Ojalá»—dijo él. «Está»… y se fue, no está en la casa."),
}

ENCODINGS = (
    *(
        planted(
            f"mojibake: {written[:20]} in {was} read as {read}",
            "mojibake",
            answering(f"{written.encode(was).decode(read, 'ignore')} That is all."),
            also=("mixed_language",),
        )
        for written, was, read in _READ_AS
    ),
    *(planted(f"mojibake: {text[:40]}", "mojibake", answering(text)) for text in _NOT_DECODED),
    *(
        planted(
            f"decomposed_characters: {text}",
            "decomposed_characters",
            answering(unicodedata.normalize("NFD", text)),
            also=("mixed_language",),
        )
        for text in _IN_PIECES
    ),
    planted(
        "decomposed_characters: marks of Windows",
        "decomposed_characters",
        answering("Viê\u0323t Nam râ\u0301t đẹp."),
        also=("mixed_language",),
    ),
)
DECODED = tuple(innocent(f"mojibake: {named}", exchange(*said)) for named, said in _WRITTEN.items())
