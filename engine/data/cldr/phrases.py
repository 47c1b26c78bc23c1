"""How each fact is asked and how it is told, in eleven languages.

``{s}`` is the subject's name and ``{o}`` the object's, as CLDR gives them. Names are inserted in their citation
form, so every phrase keeps them where the grammar asks for nothing else: before a colon, in quotation marks, or in
a position that takes the plain form.

A question and the passages that answer it share little beyond the subject's name. What a question says besides
(the market and the shops, the offices of the state, schoolbooks and newspapers, the central bank) is said by
passages of the *other* relations, so that matching words alone prefers a wrong passage: currency is asked in the
words of the market and of the newspapers and told in those of the state and of the bank, official languages the
other way round, and scripts are asked in the words of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Relation = Literal["currency", "official-language", "script"]
RELATIONS: tuple[Relation, ...] = get_args(Relation)


@dataclass(frozen=True, slots=True)
class Phrasing:
    """The ways to ask for one relation and to tell it; the same index means the same phrase in every language."""

    questions: tuple[str, str]
    passages: tuple[str, str]


PHRASES: dict[str, dict[Relation, Phrasing]] = {
    "ar": {
        "currency": Phrasing(
            questions=(
                "{s}: بماذا يدفع الناس كل يوم في السوق؟",
                "بأي نقود تذكر الصحف في «{s}» الأسعار؟",
            ),
            passages=(
                "{s}: بموجب القانون تمسك دوائر الدولة حساباتها بعملة «{o}».",
                "المصرف المركزي الذي يخدم «{s}» يصدر الأوراق والقطع المعدنية: {o}.",
            ),
        ),
        "official-language": Phrasing(
            questions=(
                "{s}: بموجب القانون، بأي لغة تكتب دوائر الدولة؟",
                "بأي لغة يخاطب المرء المصرف المركزي الذي يخدم «{s}»؟",
            ),
            passages=(
                "{s}: اللافتات التي يقرؤها الناس كل يوم في السوق مكتوبة بما يلي: {o}.",
                "من يفتح الصحف في «{s}» يقرأ غالبًا {o}.",
            ),
        ),
        "script": Phrasing(
            questions=(
                "بأي رموز تُطبع الصحف إذا كانت اللغة هي {s}؟",
                "{s}: ما الحروف اللازمة لقراءة اللافتات بهذه اللغة في السوق؟",
            ),
            passages=(
                "نظام الكتابة «{o}»: تدوّن به دوائر الدولة والمصرف المركزي {s}.",
                "{s}: الناس الذين يتكلمونها يستعملون كل يوم هذه الأبجدية: {o}.",
            ),
        ),
    },
    "de": {
        "currency": Phrasing(
            questions=(
                "{s}: Womit bezahlen die Leute jeden Tag auf dem Markt?",
                "In welchem Geld nennen Zeitungen zum Thema „{s}“ die Preise?",
            ),
            passages=(
                "{s}: Von Gesetzes wegen führen die Behörden des Staates Konten in der Währung „{o}“.",
                "Die Zentralbank, die für „{s}“ zuständig ist, gibt Scheine und Münzen aus: {o}.",
            ),
        ),
        "official-language": Phrasing(
            questions=(
                "{s}: In welcher Sprache schreiben von Gesetzes wegen die Behörden des Staates?",
                "In welcher Sprache schreibt man an die Zentralbank, die für „{s}“ zuständig ist?",
            ),
            passages=(
                "{s}: Was die Leute jeden Tag auf dem Markt auf Schildern lesen, ist {o}.",
                "Wer Zeitungen zum Thema „{s}“ aufschlägt, findet meist {o}.",
            ),
        ),
        "script": Phrasing(
            questions=(
                "Mit welchen Zeichen werden Zeitungen gedruckt, wenn die Sprache {s} ist?",
                "{s}: Welche Buchstaben braucht man, um in dieser Sprache auf dem Markt Schilder zu lesen?",
            ),
            passages=(
                "Schriftsystem „{o}“: Die Behörden des Staates und die Zentralbank verwenden es für {s}.",
                "{s}: Die Leute, die so sprechen, verwenden jeden Tag die Schrift „{o}“.",
            ),
        ),
    },
    "el": {
        "currency": Phrasing(
            questions=(
                "{s}: με τι πληρώνουν οι άνθρωποι κάθε μέρα στην αγορά;",
                "Σε ποιο χρήμα δίνουν τις τιμές οι εφημερίδες στον τόπο «{s}»;",
            ),
            passages=(
                "{s}: σύμφωνα με τον νόμο, οι υπηρεσίες του κράτους τηρούν λογαριασμούς σε «{o}».",
                "Η κεντρική τράπεζα για την περιοχή «{s}» εκδίδει χαρτονομίσματα και κέρματα: {o}.",
            ),
        ),
        "official-language": Phrasing(
            questions=(
                "{s}: σύμφωνα με τον νόμο, σε ποια γλώσσα γράφουν οι υπηρεσίες του κράτους;",
                "Σε ποια γλώσσα γράφει κανείς στην κεντρική τράπεζα για την περιοχή «{s}»;",
            ),
            passages=(
                "{s}: οι πινακίδες που διαβάζουν οι άνθρωποι κάθε μέρα στην αγορά είναι στα {o}.",
                "Όποιος ανοίγει τις εφημερίδες στον τόπο «{s}» βρίσκει κυρίως {o}.",
            ),
        ),
        "script": Phrasing(
            questions=(
                "Με ποιους χαρακτήρες τυπώνονται οι εφημερίδες όταν η γλώσσα είναι: {s};",
                "{s}: ποια γράμματα χρειάζονται για τις πινακίδες σε αυτή τη γλώσσα στην αγορά;",
            ),
            passages=(
                "Σύστημα γραφής «{o}»: το χρησιμοποιούν οι υπηρεσίες του κράτους και η κεντρική τράπεζα για τα {s}.",
                "{s}: οι άνθρωποι που τα μιλούν χρησιμοποιούν κάθε μέρα το αλφάβητο «{o}».",
            ),
        ),
    },
    "en": {
        "currency": Phrasing(
            questions=(
                "{s}: what do people pay with every day at the market?",
                "What money do newspapers that cover {s} give the prices in?",
            ),
            passages=(
                "{s}: by law, the offices of the state keep accounts in the currency “{o}”.",
                "The central bank that serves {s} issues notes and coins: {o}.",
            ),
        ),
        "official-language": Phrasing(
            questions=(
                "{s}: by law, in which language do the offices of the state write?",
                "In which language does one write to the central bank that serves {s}?",
            ),
            passages=(
                "{s}: the signs that people read every day at the market are in {o}.",
                "Whoever opens newspapers that cover {s} mostly finds {o}.",
            ),
        ),
        "script": Phrasing(
            questions=(
                "What characters are newspapers printed in if the language is {s}?",
                "{s}: which letters does one need to read signs in this language at the market?",
            ),
            passages=(
                "Writing system “{o}”: the offices of the state and the central bank use it for {s}.",
                "{s}: people who speak it use the “{o}” script every day.",
            ),
        ),
    },
    "es": {
        "currency": Phrasing(
            questions=(
                "{s}: ¿con qué paga la gente cada día en el mercado?",
                "¿En qué dinero dan los precios los periódicos que hablan de «{s}»?",
            ),
            passages=(
                "{s}: por ley, las oficinas del Estado llevan sus cuentas en la moneda «{o}».",
                "El banco central que sirve al territorio «{s}» emite billetes y piezas metálicas: {o}.",
            ),
        ),
        "official-language": Phrasing(
            questions=(
                "{s}: por ley, ¿en qué idioma escriben las oficinas del Estado?",
                "¿En qué idioma se escribe al banco central que sirve al territorio «{s}»?",
            ),
            passages=(
                "{s}: los letreros que lee la gente cada día en el mercado están en {o}.",
                "Quien abre los periódicos que hablan de «{s}» encuentra sobre todo {o}.",
            ),
        ),
        "script": Phrasing(
            questions=(
                "¿Con qué caracteres se imprimen los periódicos si el idioma es este: {s}?",
                "{s}: ¿qué letras hacen falta para leer en esta lengua los letreros en el mercado?",
            ),
            passages=(
                "Sistema de escritura «{o}»: las oficinas del Estado y el banco central lo usan si redactan en {s}.",
                "{s}: la gente que lo habla usa cada día este alfabeto: {o}.",
            ),
        ),
    },
    "hi": {
        "currency": Phrasing(
            questions=(
                "{s}: लोग हर दिन बाज़ार में किससे भुगतान करते हैं?",
                "“{s}” के अख़बार दाम किस पैसे में बताते हैं?",
            ),
            passages=(
                "{s}: क़ानून के अनुसार सरकारी दफ़्तर हिसाब इस मुद्रा में रखते हैं: {o}।",
                "“{s}” के लिए काम करने वाला केंद्रीय बैंक नोट और सिक्के जारी करता है: {o}।",
            ),
        ),
        "official-language": Phrasing(
            questions=(
                "{s}: क़ानून के अनुसार सरकारी दफ़्तर किस भाषा में लिखते हैं?",
                "“{s}” के लिए काम करने वाला केंद्रीय बैंक किस भाषा में पत्र लेता है?",
            ),
            passages=(
                "{s}: लोग हर दिन बाज़ार में जो साइनबोर्ड पढ़ते हैं, वे {o} में होते हैं।",
                "“{s}” के अख़बार खोलने वाले को ज़्यादातर {o} मिलती है।",
            ),
        ),
        "script": Phrasing(
            questions=(
                "अगर भाषा {s} हो, तो अख़बार किन चिह्नों में छपते हैं?",
                "{s}: इस भाषा में बाज़ार के साइनबोर्ड पढ़ने के लिए कौन-से अक्षर चाहिए?",
            ),
            passages=(
                "लेखन प्रणाली “{o}”: {s} के लिए सरकारी दफ़्तर और केंद्रीय बैंक इसी से काम लेते हैं।",
                "{s}: इसे बोलने वाले लोग हर दिन इस लिपि का प्रयोग करते हैं: {o}।",
            ),
        ),
    },
    "ru": {
        "currency": Phrasing(
            questions=(
                "{s}: чем люди каждый день расплачиваются на рынке?",
                "В каких деньгах указывают цены газеты территории «{s}»?",
            ),
            passages=(
                "{s}: по закону государственные учреждения ведут счета в валюте «{o}».",
                "Центральный банк, отвечающий за территорию «{s}», выпускает банкноты и монеты: {o}.",
            ),
        ),
        "official-language": Phrasing(
            questions=(
                "{s}: на каком языке по закону пишут государственные учреждения?",
                "На каком языке пишут в центральный банк, отвечающий за территорию «{s}»?",
            ),
            passages=(
                "{s}: вывески, которые люди каждый день читают на рынке, знают одно наречие: {o}.",
                "Кто открывает газеты территории «{s}», чаще всего встречает {o}.",
            ),
        ),
        "script": Phrasing(
            questions=(
                "Какими знаками печатают газеты, если язык — {s}?",
                "{s}: какие буквы нужны, чтобы на этом языке читать вывески на рынке?",
            ),
            passages=(
                "Письменность «{o}»: её применяют государственные учреждения и центральный банк, когда нужен {s}.",
                "{s}: люди, которые на нём говорят, каждый день используют письмо «{o}».",
            ),
        ),
    },
    "th": {
        "currency": Phrasing(
            questions=(
                "{s}: ทุกวันผู้คนใช้อะไรจ่ายที่ตลาด",
                "หนังสือพิมพ์ใน{s}แสดงราคาสินค้าเป็นเงินอะไร",
            ),
            passages=(
                "{s}: ตามกฎหมาย หน่วยงานของรัฐทำบัญชีเป็นสกุล{o}",
                "ธนาคารกลางที่ดูแล{s}ออกธนบัตรและเหรียญ: {o}",
            ),
        ),
        "official-language": Phrasing(
            questions=(
                "{s}: ตามกฎหมาย หน่วยงานของรัฐเขียนด้วยภาษาอะไร",
                "ควรเขียนถึงธนาคารกลางที่ดูแล{s}ด้วยภาษาอะไร",
            ),
            passages=(
                "{s}: ป้ายที่ผู้คนอ่านทุกวันที่ตลาดเป็นภาษา{o}",
                "ผู้ที่เปิดหนังสือพิมพ์ใน{s}มักจะพบภาษา{o}",
            ),
        ),
        "script": Phrasing(
            questions=(
                "ถ้าเป็นภาษา{s} หนังสือพิมพ์ใช้อักขระแบบใด",
                "ภาษา{s}: ต้องรู้จักตัวหนังสือแบบใดจึงจะอ่านป้ายที่ตลาดได้",
            ),
            passages=(
                "ระบบการเขียนแบบ “{o}”: หน่วยงานของรัฐและธนาคารกลางใช้กับภาษา{s}",
                "ภาษา{s}: ทุกวันผู้คนที่พูดภาษานี้ใช้อักษร “{o}”",
            ),
        ),
    },
    "tr": {
        "currency": Phrasing(
            questions=(
                "{s}: İnsanlar her gün pazarda neyle ödeme yapar?",
                "“{s}” hakkında yazan gazeteler fiyatları hangi parayla verir?",
            ),
            passages=(
                "{s}: Yasaya göre devlet daireleri hesaplarını şu birimle tutar: {o}.",
                "“{s}” için çalışan merkez bankası banknot ve madenî para çıkarır: {o}.",
            ),
        ),
        "official-language": Phrasing(
            questions=(
                "{s}: Yasaya göre devlet daireleri hangi dilde yazar?",
                "“{s}” için çalışan merkez bankasına hangi dilde yazılır?",
            ),
            passages=(
                "{s}: İnsanlar her gün pazarda okudukları tabelalarda {o} görür.",
                "“{s}” hakkında yazan gazeteleri açan kişi çoğunlukla {o} bulur.",
            ),
        ),
        "script": Phrasing(
            questions=(
                "Dil {s} ise gazeteler hangi işaretlerle basılır?",
                "{s}: Bu dilde pazarda tabela okumak için hangi harfler gerekir?",
            ),
            passages=(
                "Yazı sistemi “{o}”: Devlet daireleri ve merkez bankası bunu {s} için kullanır.",
                "{s}: Böyle konuşan insanlar her gün şu alfabeyi kullanır: {o}.",
            ),
        ),
    },
    "vi": {
        "currency": Phrasing(
            questions=(
                "{s}: hằng ngày người ta trả bằng gì ở chợ?",
                "Báo chí viết về {s} tính giá cả bằng gì?",
            ),
            passages=(
                "{s}: theo luật, các cơ quan nhà nước ghi sổ theo đơn vị tiền tệ “{o}”.",
                "Ngân hàng trung ương phục vụ {s} phát hành tiền giấy và tiền xu: {o}.",
            ),
        ),
        "official-language": Phrasing(
            questions=(
                "{s}: theo luật, các cơ quan nhà nước viết bằng ngôn ngữ nào?",
                "Nên viết thư cho ngân hàng trung ương phục vụ {s} bằng ngôn ngữ nào?",
            ),
            passages=(
                "{s}: biển hiệu mà người ta đọc hằng ngày ở chợ là “{o}”.",
                "Ai mở báo chí viết về {s} chủ yếu sẽ gặp “{o}”.",
            ),
        ),
        "script": Phrasing(
            questions=(
                "Báo chí được in bằng ký tự gì nếu ngôn ngữ là “{s}”?",
                "{s}: cần những chữ cái nào để đọc biển hiệu bằng ngôn ngữ này ở chợ?",
            ),
            passages=(
                "Hệ thống chữ viết “{o}”: các cơ quan nhà nước và ngân hàng trung ương dùng nó cho “{s}”.",
                "{s}: hằng ngày người ta nói thứ tiếng này và viết bằng “{o}”.",
            ),
        ),
    },
    "zh": {
        "currency": Phrasing(
            questions=(
                "{s}：人们每天在市场里用什么付款？",
                "报道{s}的报纸用哪种钱标价？",
            ),
            passages=(
                "{s}：依照法律，国家机关以“{o}”记账。",
                "为{s}服务的中央银行发行纸币和硬币：{o}。",
            ),
        ),
        "official-language": Phrasing(
            questions=(
                "{s}：依照法律，国家机关用哪种语言书写？",
                "给为{s}服务的中央银行写信应该用哪种语言？",
            ),
            passages=(
                "{s}：人们每天在市场里看到的招牌写的是{o}。",
                "翻开报道{s}的报纸，读到的多半是{o}。",
            ),
        ),
        "script": Phrasing(
            questions=(
                "如果语言是{s}，报纸用什么字符印刷？",
                "{s}：要看懂这种语言在市场里的招牌，需要认识哪些字母？",
            ),
            passages=(
                "书写系统“{o}”：国家机关和中央银行写{s}时都用它。",
                "{s}：说这种话的人们每天都用“{o}”。",
            ),
        ),
    },
}
