"""Clean sets whose texts look like left-overs, numbers of persons or broken characters, and are none."""

from collections.abc import Callable

from tests.check.suite.ordinary import Line, asked, words

WRITTEN: dict[str, tuple[str, Callable[[int], Line]]] = {
    "LaTeX": (
        "supervised",
        lambda at: asked(
            f"Solve x^2 = {at}.",
            f"So $x = \\pm\\sqrt{{{at}}}$, and\n"
            f"\\begin{{align}}\n \\text{{cost}} &= \\mathbf{{name}}_{{{at}}}\n\\end{{align}}",
        ),
    ),
    "shell": (
        "supervised",
        lambda at: asked(
            f"Print names, {at}.", f'for name in *.txt; do echo "${{name}} $HOME {at}"; done && exit {at}'
        ),
    ),
    "templates": (
        "supervised",
        lambda at: asked(
            f"A template of {words(at)}?", f"<div>{{{{#each items}}}}<p>{{{{name}}}} {at}</p>{{{{/each}}}}</div>"
        ),
    ),
    "SQL": (
        "supervised",
        lambda at: asked(f"Query {at} for {words(at)}", f"SELECT [name], [date] FROM orders WHERE id = {at}"),
    ),
    "XML": (
        "supervised",
        lambda at: asked(
            f"XML of {words(at)}", f'<?xml version="1.0"?>\n<order id="{at}"><name>{words(at)}</name></order>'
        ),
    ),
    "marked answers": (
        "supervised",
        lambda at: asked(
            f"Think of {words(at)}", f"<thinking>{words(at, 3)}.</thinking>\n<answer>{words(at, 2)}</answer>"
        ),
    ),
    "letters of choices": (
        "supervised",
        lambda at: asked(f"Question {at}: {words(at, 8)}?", f"The correct option is {'ABCD'[at % 4]}"),
    ),
    "numbers of goods": (
        "supervised",
        lambda at: asked(
            f"ISBN of {words(at)}?",
            f"ISBN 978-3-16-{100_000 + at * 7919}-0, EAN {4_000_000_000_000 + at * 104_729_331}, "
            f"SKU AB12-{1000 + at}-{7000 + at}.",
        ),
    ),
    "Persian": (
        "supervised",
        lambda at: asked(
            f"کتاب شماره {at} چیست؟", f"این کتاب شماره {at} است و می\u200cتوانید آن را از کتابخانه\u200cی شهر بگیرید."
        ),
    ),
    "Thai": (
        "supervised",
        lambda at: asked(f"คำถามที่ {at} คืออะไร", f"คำตอบที่ {at} คือกรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย"),
    ),
    "Hebrew": (
        "supervised",
        lambda at: asked(f"מה זה {at}?", f"המילה מספר {at} פירושה ספר (IT)\u200f, והיא נפוצה מאוד."),
    ),
    "Hindi": (
        "supervised",
        lambda at: asked(f"प्रश्न {at} क्या है?", f"प्रश्न {at} का उत्तर यह है कि दिल्ली भारत की राजधानी है।"),
    ),
    "praise": (
        "supervised",
        lambda at: asked(
            f"Tip {at} on {words(at)}?", f"I cannot recommend the {words(at, 2)} highly enough! It helped me."
        ),
    ),
    "attacks that are talked about": (
        "supervised",
        lambda at: asked(
            f"How do I guard {words(at)}?",
            f'Attackers write "ignore all previous instructions" in {words(at, 2)} {at}.',
        ),
    ),
    "Japanese headings": (
        "supervised",
        lambda at: asked(
            f"商品{at}の紹介文を書いてください。", f"【商品名】ラーメン{at}号\n【特徴】醤油味で、三分でできます。"
        ),
    ),
    "bold letters of moves and litter": (
        "supervised",
        lambda at: asked(
            f"How do I turn {words(at)}?",
            f"Turn side **F** {at} times, then the face **Up F**. Put your trash and your garbage in bin {at}.",
        ),
    ),
    "programs with templates": (
        "supervised",
        lambda at: asked(
            f"Render {words(at)}, please.",
            f"from jinja2 import Template\n\ndef render_{at}(guide):\n"
            f'    template = Template("Guide {at}: {{{{ guide.steps }}}}")\n    return template.render(guide=guide)',
        ),
    ),
    "marks of a task's parts": (
        "supervised",
        lambda at: asked(
            f"Fill in.\n[TEMPLATE STARTS HERE]\n{words(at, 9)}\n[TEMPLATE ENDS HERE]", f"It is {words(at, 7)}."
        ),
    ),
    "Vietnamese": (
        "supervised",
        lambda at: asked(f"Câu hỏi {at} là gì?", f"Câu trả lời {at} là thủ đô rất đẹp của đất nước ở miền Bắc."),
    ),
    "Greek": (
        "supervised",
        lambda at: asked(f"Ποια είναι η πόλη {at};", f"Η πόλη {at} είναι η Αθήνα, στη νότια Ελλάδα: Ά, Έ, Ή."),
    ),
    "Icelandic": (
        "supervised",
        lambda at: asked(f"Hvað þýðir orð {at}?", f"Það þýðir að nýtt hús númer {at} sé óþýtt, í kvöld eða síðar."),
    ),
    "Ukrainian": (
        "supervised",
        lambda at: asked(
            f"Яке місто під номером {at}?", f"Це РІВНЕ, ІСТОРИЧНЕ місто {at}: їжак, ґанок, Єва й замо\u0301к."
        ),
    ),
    "Portuguese": (
        "supervised",
        lambda at: asked(f"Qual é a cidade {at}?", f"É a cidade {at}: NÃO É UMA AÇÃO, mas São João põe maçãs à mão."),
    ),
    "tool results that escape": (
        "supervised",
        lambda at: asked(
            f'{{"city": "Z\\u00fcrich", "ja": "\\u5c71\\u7530", "n": {at}}}', f"It is city {at} in {words(at, 3)}."
        ),
    ),
    "addresses that are encoded": (
        "supervised",
        lambda at: asked(
            f"Where is page {at} on {words(at)}?",
            f"See https://example.org/my%20big%20page?q=caf%C3%A9%20{at} or [the file](My%20Big%20File) {at}.",
        ),
    ),
}
