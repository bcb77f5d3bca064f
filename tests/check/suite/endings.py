"""Planted answers that stop before their end or hardly begin, and others that end as they should."""

from tests.check.suite.ordinary import facts, japanese
from tests.check.suite.planted import answering, exchange, innocent, planted

_TABLE = "Here is the table:\n\n| name | price |\n|---|---|\n| ink | 3 |\n| pen | 4 |\n"
_SHORT = ("k", "...", "Ok", "n.", "I", "The", "okay", "idk")
_CUT = (
    "To do this you should first open the settings and then go to the",
    "The best way to solve this is to look at the numbers and",
    "You will find the switch on the second page of the men",
    "You need three things, namely paper, ink,",
    "Do this:\n1. Open the app.\n2. Go to settings.\n3. Click on the",
    "Here is the code:\n```python\nprint(1)\n",
    "Open the page and press it. [truncated]",
    "You need:\n1. Paper.\n2. Ink.\n3.",
    "Here are the three steps that you need to follow:",
    "To change your address, please do the following:\n\n",
    "Here it is:",
    f"{_TABLE}| lamp |",
    f"{_TABLE}| lamp | 1",
    f"{_TABLE}| la",
    "Here is the table:\n\n| name | price |\n|---|---|",
    "There are many coins to choose from, and each has a place. While Bitcoin",
    "Open the page first. Then press the blue button that you see there",
)
_JAPANESE = (
    "設定を変える手順は次のとおりです：",
    "予約の方法は三つあります。一つ目は、電話で直接お店に",
    "ご案内します。まず、駅の北口を出て、",
)
_WHOLE = {
    "yes": ("Is it possible to reset my password?", "Yes."),
    "no": ("Can I return a damaged item?", "No"),
    "a number": ("How many days do I have?", "30"),
    "a word": ("Which colour has the button?", "Blue"),
    "a letter of the question": ("Is it plan A or B that I have?", "B"),
    "a grade": ("Which letter follows C: D or E?", "D"),
    "a country": ("Where are you?", "UK"),
    "a sign that was asked for": ("Which sign stands between the folders, / or \\?", "/"),
    "a smile": ("How do you feel?", ":-)"),
    "a pattern": ("Which pattern matches a blank?", "\\s"),
    "a program in Python": ("Write it in Python.", "def area(width, height):\n    return width * height"),
    "a program with a remark": (
        "What does it print?",
        "words = max(each, key=len)\nprint(words)  # Output: interesting things of this day",
    ),
    "a command": ("Count them.", "#!/bin/bash\n\nword='apple'\ngrep -o \"$word\" file.txt | wc -l"),
    "a search for files": ("Find them.", 'find . -name "*.txt" -mtime -7 -print'),
    "an import": ("Show an example.", "It takes one name of a module. For example:\n\nfrom math import sqrt"),
    "a signature": ("Write the signature.", "def gcd(first, second):"),
    "a file of settings": ("Show the file.", "version: 2\nservices:\n  web:\n    image: shop\n  cache:"),
    "a title": ("A title for this talk?", "Learning Unsupervised: A Curious Case of Curricula for Machines"),
    "a signed letter": (
        "Write to the school.",
        "Dear teachers, thank you for the kind words and for the day with you. Yours sincerely, Jane of the Woods",
    ),
    "a signed letter in lines": (
        "Write to the queen.",
        "I beg for your help in this matter, and I will not forget it.\n\nYour faithful cousin,\nMary, Queen of Scots",
    ),
    "best of luck": (
        "Write to Oliver.",
        "Practice is the key, and you will surely improve over time. Best of luck! - Harry",
    ),
    "a quotation": (
        "A saying about friends?",
        '"Friendship is born when one says to another: what, you too?" - C. S. Lewis',
    ),
    "things in order": ("Sort the fruits.", "Apple, Banana, Grapes"),
    "things behind a colon": ("Sort the names.", "In the order of the alphabet the names are: Arthur, Bob, Louis"),
    "headlines": (
        "What is new?",
        "Here is what is new: - New batteries last longer - Scientists teach machines - Ships fly",
    ),
    "words given back": (
        "Reverse it: the quick brown fox jumped over the lazy dog",
        "dog lazy the over jumped fox brown quick the",
    ),
    "a tag": ("Write a post.", "We are so glad that you are here with us today! Come and see it ＃shop＃open"),
    "a fragment": ("What is not known?", "not enough information"),
    "a whole table": ("List it.", f"{_TABLE}| lamp | 11 |"),
    "a table with an empty cell": ("List it.", f"{_TABLE}| lamp | |"),
    "bars of a formula": ("How long is it?", "The length of the vector is |x|"),
}
ENDINGS = (
    *(planted(f"short_completion: {text}", "short_completion", answering(text)) for text in _SHORT),
    *(
        planted(f"truncated_completion: {' '.join(text.split())[-40:]}", "truncated_completion", answering(text))
        for text in _CUT
    ),
    *(
        planted(f"truncated_completion: {text}", "truncated_completion", answering(text), japanese)
        for text in _JAPANESE
    ),
    planted("truncated_completion: among facts", "truncated_completion", answering("The capital is:"), facts),
)
WHOLE = (
    *(innocent(f"an answer that ends with {named}", exchange(*said)) for named, said in _WHOLE.items()),
    innocent("a short Japanese answer", answering("はい"), japanese),
    innocent("two signs", answering("京都"), japanese),
)
