"""Common words of languages in Latin script, and the letters beyond ASCII that each of them writes with."""

COMMON = {
    "English": (
        "the a i and of to is that it for you with this are was on as be have not can in your will from at by or "
        "an my we they he she has been were which their there about would could should please how what then than "
        "into when if all more do does our its but no any each them these those just after before"
    ),
    "German": (
        "der die und das ist nicht ein eine zu den mit auf für sie ich von dem sich auch wird werden im dieses "
        "dieser diese sehr aber oder wenn man kann haben sind bei einen einer ihr ihre wir es dass nach über aus "
        "um als am zum zur bis vom durch ihren ihrer ihnen hier noch nur so dann müssen können bitte klicken "
        "öffnen wählen dauert regel"
    ),
    "French": (
        "le la les des et est une pour dans que qui vous pas sur avec ce cette sont du au de un en ne votre nous "
        "je très mais ou plus ont été être aux par il elle se si vos ces son sa ses leur leurs puis faire prend "
        "cliquez ouvrez pouvez généralement jours depuis entre après avant"
    ),
    "Spanish": (
        "el los las una que en es para con por se su del al lo está son más como pero la de un y muy usted puede "
        "este esta sus sin sobre también cuando hay ha abra debe o si ya entre hasta desde tres cinco días suele "
        "haga clic nuestro nuestra esto ser tiene"
    ),
    "Italian": (
        "il che di è per una sono non con del della le gli più questo anche nel alla la un si da dei delle molto "
        "può ha questa essere come ma suo al ogni due i e a in o tre cinque giorni solito sul sulla hai ho fare "
        "deve almeno prima dopo tra faccia clic pagina nella nei dalla dall dell nell all scegli"
    ),
    "Portuguese": (
        "o que não uma para com os do da em um são você mais por isso pelo pela de as dos das no na muito pode "
        "está como mas seu sua ao é a e ou se três cinco dias úteis geralmente leva clique botão página até "
        "depois também já entre foi tem ser"
    ),
    "Dutch": (
        "de het een en van is dat niet te op voor met zijn je ik naar ook wordt deze aan in om er maar heeft kan "
        "uw bij als wij door zeer die dit dan geen moet kunt twee uur hun nog laten uit tot of u open kies klik "
        "duurt meestal drie vijf instellingen knop werkdagen tweede"
    ),
    "Swedish": (
        "och att det som en på är av för med till den har inte om ett kan jag du din mycket från vid i de välj "
        "klicka klickar andra tre fem tar vanligtvis eller så när ska här öppna"
    ),
    "Polish": (
        "nie się jest na do że to jak ale przez dla są być może od po czy bardzo który która oraz i w z o ze za "
        "aby lub tym tego jego jej swoje wybierz kliknij proszę możesz można będzie jeśli gdy które przy pod nad "
        "hasło strona stronie trwa zwykle trzech pięciu dni listy otwórz ten ta te jeszcze tylko już"
    ),
    "Turkish": (
        "bir ve bu için ile çok da de daha olarak gibi var olan ne ama en kadar sonra veya ya mı mi her ise ben "
        "sen siz biz tıklayın seçin açın iş gün günü genellikle üç beş ikinci listeden sayfasındaki sürer lütfen "
        "olur değil"
    ),
    "Danish or Norwegian": (
        "og det er ikke af av på til med jeg som har den du kan vil skal være ble blev også hvad hva for å at i "
        "en et de fra der eller når klikker vælg velg åbn åpne tager tar normalt vanligvis tre fem hverdage dager "
        "listen andet"
    ),
    "Finnish": (
        "ja ei se että hän oli mutta kun tai myös niin ovat voi joka tämä olla kuin sinun voit on yleensä avaa "
        "valitse toinen kestää vaihtaa jos niitä sitä ole ne nyt vain sen"
    ),
    "Czech": (
        "je se na že jako ale nebo není jsou pro který která jsem být má také tak si od a v z ze do k s o po při "
        "až li klikněte vyberte otevřete druhou heslo obvykle trvá tři pět dnů stránce tlačítko chcete pokud "
        "můžete"
    ),
    "Slovak": (
        "je sa na že ako ale alebo nie sú pre ktorý ktorá som byť má tiež tak si od a v z zo do k s o po pri až "
        "ak kliknite vyberte otvorte druhú heslo zvyčajne trvá tri päť dní stránke tlačidlo chcete môžete"
    ),
    "Hungarian": (
        "az és nem hogy egy van meg ez de volt már csak mint lehet kell vagy azt nagyon a is ki le fel ha be "
        "kattintson válassza nyissa második három öt általában gombra igénybe listából majd itt minden"
    ),
    "Romanian": (
        "și în nu este cu pe la care mai din să un pentru sunt ce dar sau fi foarte ale a de o al lui între trei "
        "cinci zile obicei durează faceți clic alegeți deschideți doua listă dumneavoastră acest această"
    ),
    "Indonesian": (
        "yang dan di ini untuk dengan tidak dari dalam akan pada itu adalah anda juga bisa ke dua agar hari lebih "
        "harus atau membuat sebuah saat oleh sehari setidaknya buka pilih bagian kedua daftar klik tombol halaman "
        "kata sandi biasanya memakan waktu tiga lima kerja sampai saya kami"
    ),
    "Croatian, Serbian or Bosnian": (
        "i u na je se da za od su ne s a kao koji koja što ili ali iz po do bi sa će kod to otvorite odaberite "
        "kliknite obično traje tri pet dana lozinke stranici gumb drugi popisa novca možete ako"
    ),
    "Slovenian": (
        "in je se na da za so ne s z kot ki kar ali iz po do bi od pri lahko odprite izberite kliknite običajno "
        "traja tri pet dni gesla strani gumb drugi seznama denarja če"
    ),
    "Lithuanian": (
        "ir yra kad su į iš ar tai nuo iki už kaip bet per dėl buvo atidarykite pasirinkite spustelėkite "
        "paprastai trunka trijų penkių darbo dienų mygtuką puslapyje sąrašo antrą jūsų"
    ),
    "Latvian": (
        "un ir ka ar no uz par lai kas bet vai tas pie līdz pēc atveriet izvēlieties noklikšķiniet parasti ilgst "
        "trim piecām darba dienām pogas lapā saraksta otro jūsu"
    ),
    "Estonian": (
        "ja on et ei see ka kui või ning oma mis aga kuni võib avage valige klõpsake tavaliselt võtab aega kolm "
        "viis tööpäeva nupul teine loendist teie"
    ),
    "Catalan": (
        "el la els les de i que en un una per amb del al és són no més com però també o si feu clic trieu obriu "
        "segona llista entre tres cinc dies hàbils sol botó pàgina"
    ),
    "Tagalog": (
        "ang ng sa mga na at ay ito para kung hindi ka ko mo ni si isang mula iyong buksan piliin karaniwang "
        "tumatagal hanggang limang araw tatlo pahina ikalawang"
    ),
}
LETTERS = {
    "English": "", "German": "ßäöü", "French": "éèêëàâçùûîïôœæ", "Spanish": "ñ¿¡áéíóúü", "Italian": "èéàìòù",
    "Portuguese": "ãõçáéíóúâêôà", "Dutch": "ëïéö", "Swedish": "åäöé", "Danish or Norwegian": "æøåé", "Finnish": "äö",
    "Czech": "ěščřžýáíéůúťďňó", "Slovak": "ľščťžýáíéúäôňďŕĺó", "Hungarian": "őűáéíóöúü", "Romanian": "șțăîâşţ",
    "Polish": "łąęśżźćńó", "Turkish": "ğşıİçöüâ", "Croatian, Serbian or Bosnian": "čćđšž", "Slovenian": "čšž",
    "Lithuanian": "ąčęėįšųūž", "Latvian": "āčēģīķļņšūž", "Estonian": "äöõüšž", "Catalan": "àèéíòóúïüç·",
    "Indonesian": "", "Tagalog": "ñ",
}  # fmt: skip
"""Letters that each language writes with; one that has others beside these is another language."""
