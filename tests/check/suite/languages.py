"""Planted answers in another language than the rest, or than their question; and others that only seem to be."""

from tests.check.suite.ordinary import Line, asked, japanese, words
from tests.check.suite.planted import answering, exchange, innocent, planted

_ANSWERS = (
    "Die Einstellung ist nicht auf dieser Seite, sondern auf der zweiten.",
    "La page est dans le menu et vous pouvez la voir avec ce bouton.",
    "Para cambiar su contraseña, abra la página de configuración.",
    "Åbn indstillingerne, og tryk på den blå knap, som du kan se der.",
    "Mở phần cài đặt và nhấn vào nút màu xanh ở cuối trang.",
    "Otevřete nastavení a stiskněte tlačítko, které je na konci, nebo se nás zeptejte.",
    "Prevedi almeno due ore al giorno e aggiungi giochi che lo facciano pensare.",
    "Reken op minstens twee uur per dag en voeg spelletjes toe die de hond laten nadenken.",
    "設定画面を開いて、二番目のボタンを押してください。",
    "Откройте настройки и нажмите вторую кнопку.",
    "Otwórz ustawienia i wybierz drugą sekcję z listy.",
    "Aby zresetować hasło, kliknij przycisk na stronie profilu.",
    "Proszę przejść do zakładki Zamówienia i wybrać pozycję.",
    "Nyissa meg a beállításokat, és válassza ki a második részt a listából.",
    "Deschideți setările și alegeți a doua secțiune din listă.",
    "Ayarları açın ve listeden ikinci bölümü seçin.",
    "Avaa asetukset ja valitse luettelosta toinen osio.",
    "Öppna inställningarna och välj den andra delen i listan.",
    "Buka pengaturan dan pilih bagian kedua dari daftar.",
    "Otvorite postavke i odaberite drugi odjeljak s popisa.",
    "Atidarykite nustatymus ir pasirinkite antrą skyrių iš sąrašo.",
    "Atveriet iestatījumus un izvēlieties otro sadaļu no saraksta.",
    "Avage seaded ja valige loendist teine jaotis.",
    "Buksan ang mga setting at piliin ang ikalawang seksyon mula sa listahan.",
    "请打开设置，然后选择列表中的第二部分。",
    "설정을 열고 목록에서 두 번째 항목을 선택하세요.",
    "افتح الإعدادات واختر القسم الثاني من القائمة.",
    "Ανοίξτε τις ρυθμίσεις και επιλέξτε τη δεύτερη ενότητα.",
)
_TONGUES = (
    ("Wo finde ich die Rechnung für {}, bitte?", "Die Rechnung für {} ist auf der zweiten Seite des Kontos."),
    ("Où est la facture pour {}, s'il vous plaît ?", "La facture pour {} est sur la deuxième page de votre compte."),
    ("¿Dónde está la factura de {}, por favor?", "La factura de {} está en la segunda página de su cuenta."),
    ("Where is the invoice for {}, please?", "The invoice for {} is on the second page of your account."),
)


def tongues(at: int) -> Line:
    """Answer in the language of the question."""
    question, answer = _TONGUES[at % 4]
    return asked(question.format(f"{words(at, 2)} {at}"), answer.format(f"{words(at, 2)} {at}"))


_SAID = {
    "a translation": (
        "Translate into German: the house is not old.",
        "Das Haus ist nicht alt, und es ist auch nicht neu.",
    ),
    "a foreign question": (
        "Wo ist der Knopf und was ist das für eine Seite?",
        "Der Knopf ist auf der zweiten Seite des Kontos.",
    ),
    "a saying of the question": (
        "Say again: der Weg ist das Ziel und nicht die Eile.",
        "Der Weg ist das Ziel und nicht die Eile.",
    ),
    "a program": ("Write it.", "for (let i = 0; i < 10; i++) {\n    console.log(i, de, het, een, van);\n}"),
    "names": ("Who plays?", "Les Misérables, La Bohème and El Niño are on the stage of the theatre."),
    "a few words of Latin": (
        "What is on the stone?",
        "It says carpe diem, memento mori and in vino veritas, as many stones do.",
    ),
}
_FROM_TEXT = "「チュラ・サッカラート（จุลศักราช）は暦の名です。タイ語では何と書きますか？"
LANGUAGES = (
    *(planted(f"mixed_language: {text[:40]}", "mixed_language", answering(text)) for text in _ANSWERS),
    planted(
        "a French question answered in English",
        "mixed_language",
        answering(tongues(11)["messages"][1]["content"]),
        tongues,
        number=60,
    ),
    planted(
        "an English answer to Japanese",
        "mixed_language",
        answering("The capital is a very nice city and it is in the north."),
        japanese,
    ),
)
ASKED = (
    *(innocent(f"mixed_language: {named}", exchange(*said)) for named, said in _SAID.items()),
    innocent("kanji alone among Japanese", answering("世界労働組合連盟"), japanese),
    innocent("Thai that stands in the question", exchange(_FROM_TEXT, "จุลศักราช"), japanese),
)
