"""Ordinary lines of each form, the same each time: line `at` of a file that has nothing to find."""

import json
import random
from typing import Any

Line = dict[str, Any]
_PAIRS = (
    "France:Paris Spain:Madrid Italy:Rome Germany:Berlin Japan:Tokyo Norway:Oslo Sweden:Stockholm Denmark:Copenhagen "
    "Finland:Helsinki Poland:Warsaw Austria:Vienna Hungary:Budapest Greece:Athens Turkey:Ankara Egypt:Cairo "
    "Kenya:Nairobi Ghana:Accra Peru:Lima Chile:Santiago Cuba:Havana Canada:Ottawa India:Delhi China:Beijing "
    "Nepal:Kathmandu Iran:Tehran Iraq:Baghdad Jordan:Amman Qatar:Doha Oman:Muscat Yemen:Sanaa Libya:Tripoli "
    "Tunisia:Tunis Sudan:Khartoum Mali:Bamako Niger:Niamey Rwanda:Kigali Uganda:Kampala Zambia:Lusaka Angola:Luanda "
    "Gabon:Libreville Togo:Lome Benin:Porto-Novo Latvia:Riga Estonia:Tallinn Lithuania:Vilnius Belgium:Brussels "
    "Ireland:Dublin Iceland:Reykjavik Portugal:Lisbon Romania:Bucharest Bulgaria:Sofia Serbia:Belgrade Croatia:Zagreb "
    "Slovenia:Ljubljana Slovakia:Bratislava Ukraine:Kyiv Belarus:Minsk Moldova:Chisinau Malta:Valletta Cyprus:Nicosia"
)
CAPITALS = [pair.split(":") for pair in _PAIRS.split()]
_WORDS = "river stone harbour lantern winter copper garden signal violet thunder meadow anchor bridge candle"
WORDS = _WORDS.split()
WISHES_TEXT = (
    "reset my password|cancel my order|track my parcel|change my address|update my card|get a refund|close my account"
    "|return a damaged item|download my invoice|contact an agent|use a discount code|change the delivery date"
    "|verify my account|turn off notifications|delete my data|add a second user|pause my plan|upgrade to the pro plan"
    "|export my contacts|recover a deleted file|change the language|report a bug|print a shipping label|see past orders"
    "|merge two accounts|gift a subscription"
)
WISHES = WISHES_TEXT.split("|")
STEPS_TEXT = (
    "open Settings and choose the section that fits|go to your profile page and press the blue button"
    "|sign in on the website and pick the item from the list|call up the Help menu and follow the steps shown there"
    "|open the app, tap the gear, and scroll to the bottom|visit the Orders page and select the entry in question"
    "|write to our team through the form and include the number on your receipt|use the link in the mail that we sent"
)
STEPS = STEPS_TEXT.split("|")
ENDS_TEXT = (
    "It takes about two minutes.|You will get a message when it is done.|Nothing is charged for this."
    "|Please allow one working day.|You can undo it within a week.|The change is shown at once."
)
ENDS = ENDS_TEXT.split("|")
TOOL: Line = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["c", "f"]}},
            "required": ["city"],
        },
    },
}


def words(seed: int, number: int = 6) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=number))


def said(*turns: tuple[str, Any], **members: Any) -> Line:
    return {"messages": [{"role": role, "content": content} for role, content in turns], **members}


def asked(question: str, answer: str) -> Line:
    return said(("user", question), ("assistant", answer))


def facts(at: int) -> Line:
    country, capital = CAPITALS[at % len(CAPITALS)]
    question = f"What is the capital of {country}?"
    return said(
        ("system", "You teach geography."), ("user", question), ("assistant", f"The capital of {country} is {capital}.")
    )


def support(at: int) -> Line:
    rng = random.Random(at)
    wish = WISHES[at % len(WISHES)]
    opening = rng.choice(("How do I {}?", "How can I {}?", "I want to {}, what should I do?", "Please help me {}."))
    ticket = f" My ticket is {1000 + at}." if at >= len(WISHES) else ""
    answer = f"To {wish.replace('my', 'your')}, {rng.choice(STEPS)}. {rng.choice(ENDS)}"
    return said(
        ("system", "You are a support agent for Acme."), ("user", opening.format(wish) + ticket), ("assistant", answer)
    )


def mood(at: int) -> Line:
    rng = random.Random(at + 7)
    word, label = rng.choice(
        (
            ("great", "positive"),
            ("lovely", "positive"),
            ("awful", "negative"),
            ("dull", "negative"),
            ("fine", "neutral"),
        )
    )
    return said(
        ("system", "Classify the review."),
        ("user", f"Review {at}: the {WORDS[at % 14]} was {word}."),
        ("assistant", label),
    )


def japanese(at: int) -> Line:
    place = ("東京", "大阪", "京都", "札幌", "福岡", "名古屋", "仙台", "広島", "神戸", "横浜", "金沢", "長崎")[at % 12]
    dish = ("ラーメン", "お好み焼き", "寿司", "味噌汁", "天ぷら", "うどん", "そば")[at % 7]
    return said(
        ("system", "あなたは親切な旅行案内係です。"),
        ("user", f"{place}で{dish}を食べるならどこがいいですか？（{at}番）"),
        ("assistant", f"{place}駅の近くに、{dish}で有名なお店が{at % 5 + 1}軒あります。どれも予約をおすすめします。"),
    )


def tools(at: int) -> Line:
    city = CAPITALS[at % len(CAPITALS)][1]
    call = {"name": "get_weather", "arguments": json.dumps({"city": city, "unit": "c"})}
    return {
        "messages": [
            {"role": "user", "content": f"What is the weather in {city}?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": f"c{at}", "type": "function", "function": call}],
            },
            {"role": "tool", "tool_call_id": f"c{at}", "content": json.dumps({"temp": at % 30})},
            {"role": "assistant", "content": f"It is {at % 30} degrees in {city}."},
        ],
        "tools": [TOOL],
    }


def several_calls(at: int) -> Line:
    cities = (CAPITALS[at % 60][1], CAPITALS[(at + 5) % 60][1])
    calls = [
        {
            "id": f"{place}-{at}",
            "type": "function",
            "function": {"name": "get_weather", "arguments": json.dumps({"city": city})},
        }
        for place, city in enumerate(cities)
    ]
    return {
        "messages": [
            {"role": "system", "content": "You have tools."},
            {"role": "user", "content": f"How is the weather in {cities[0]} and {cities[1]}?"},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": f"1-{at}", "content": "7"},
            {"role": "tool", "tool_call_id": f"0-{at}", "content": str(at)},
            {"role": "assistant", "content": f"{at} and 7 degrees."},
        ],
        "tools": [TOOL],
        "parallel_tool_calls": True,
    }


def images(at: int) -> Line:
    return picture(f"https://example.org/{at}.png", at)


def picture(url: Any, at: int = 0, **options: Any) -> Line:
    parts = [
        {"type": "text", "text": f"What is thing {at}?"},
        {"type": "image_url", "image_url": {"url": url, **options}},
    ]
    return said(("user", parts), ("assistant", f"It is a small cat, number {at}, on a mat."))


def preference(at: int) -> Line:
    messages = support(at)["messages"]
    return {
        "input": {"messages": messages[:2]},
        "preferred_output": messages[2:],
        "non_preferred_output": [{"role": "assistant", "content": f"I know nothing about {words(at, 2)} {at}."}],
    }


def reinforcement(at: int) -> Line:
    return {"messages": [{"role": "user", "content": f"What is {at} times {at + 2}?"}], "answer": str(at * (at + 2))}


def completion(at: int) -> Line:
    country, capital = CAPITALS[at % len(CAPITALS)]
    return {"prompt": f"Q: What is the capital of {country}?\nA:", "completion": f" {capital}\n"}


METHODS = {preference: "dpo", reinforcement: "reinforcement", completion: "legacy"}
