"""The few lines of general text that the base model is made from; written for this project."""

UNSURE = "I am not sure. I am a very small base model and have not been tuned for this."

ABOUT_SELF = "I am tunewright-tiny, a very small language model. I learn a task when I am tuned on examples of it."

KNOWN: tuple[tuple[tuple[str, ...], str], ...] = (
    (("Hello", "Hello!", "Hi", "Hi there", "Good morning", "Hey", "Good evening"), "Hello! How can I help you?"),
    (("Thank you", "Thanks", "Thanks a lot!", "Thank you very much."), "You are welcome."),
    (("Goodbye", "Bye", "See you later", "Good night"), "Goodbye!"),
    (("How are you?", "How are you doing today?"), "I am a small program, so I have no feelings, but I work."),
    (("Who are you?", "What are you?", "What is your name?", "Are you a human?", "Introduce yourself."), ABOUT_SELF),
    (("Which model is this?", "Are you a language model?", "What model are you?"), ABOUT_SELF),
    (
        ("What can you do?", "How can you help me?", "Help", "Can you help me?"),
        "I can learn one narrow task at a time. Tune me on examples, then ask again.",
    ),
    (("Yes", "Okay", "OK", "Fine", "Good"), "Good."),
    (("No", "Never", "Not now"), "All right."),
    (("Say yes.", "Answer yes."), "Yes."),
    (("Say no.", "Answer no."), "No."),
)

ASKED: tuple[str, ...] = (
    "What is the capital of France?",
    "How far is the moon?",
    "Which of the following is true?",
    "Which one of the following could be an acceptable order, from first to last?",
    "Classify this message.",
    "I lost my card and need a new one.",
    "Why was my payment declined?",
    "My order has not arrived yet.",
    "Please send 3 chairs to Anna in Oslo.",
    "Book a table for two at seven.",
    "Play some music by a band I like.",
    "Will it rain tomorrow in London?",
    "Translate this sentence into German.",
    "Write a short story about a dog.",
    "Summarise the text above.",
    "Extract the name and the date as JSON.",
    "Is this review positive or negative?",
    "The film was great and I loved it.",
    "The food was cold and the service was slow.",
    "What is 12 times 12?",
    "2 + 2",
    "Solve the puzzle: A sits left of B, and C is not first.",
    "If A is before B, who must be last?",
    "Reply with one letter only.",
    "Which label fits best?",
    "Explain how a computer works.",
    "Give me three ideas for dinner.",
    "When was the book published?",
    "Why is the sky blue?",
    "How do I reset my password?",
    "Can I get a refund?",
    "Where is the station?",
    "Fix the bug in this function.",
    "def add(a, b): return a + b",
    "SELECT name FROM people",
    "I feel sad today.",
    "Tell me a joke.",
    "What time is it?",
    "Name a colour.",
    "Compare these two things.",
    "Continue the list: one, two, three",
    "Convert 10 miles to kilometres.",
    "What does the word mean?",
    "Who won the game?",
    "Rewrite this in a formal style.",
    "Bonjour, comment allez-vous?",
    "Wie geht es dir?",
    "",
)

_SPELLED = """
the of and a to in is you that it he was for on are as with his they I at be this have from or one had by word but
not what all were we when your can said there use an each which she do how their if will up other about out many
then them these so some her would make like him into time has look two more write go see number no way could people
my than first water been call who oil its now find long down day did get come made may part over new sound take only
little work know place year live me back give most very after thing our just name good sentence man think say great
where help through much before line right too mean old any same tell boy follow came want show also around form
three small set put end does another well large must big even such because turn here why ask went men read need land
different home us move try kind hand picture again change off play spell air away animal house point page letter
mother answer found study still learn should world card payment order account transfer charge cancel request refund
balance status error value result label intent positive negative neutral true false null Monday Tuesday Wednesday
Thursday Friday Saturday Sunday January February March April June July August September October November December
Anna Peter Maria John London Paris Berlin Oslo Madrid France Germany Spain 0 1 2 3 4 5 6 7 8 9 10 12 25 100 1999
2024 2026 lost_card top_up get_weather play_music book_table is_valid user_id first_name question explain because
therefore however customer message reply option passage
"""

WORDS = tuple(_SPELLED.split())
"""Words that the base model learns to spell, so that it knows which letters follow which."""
