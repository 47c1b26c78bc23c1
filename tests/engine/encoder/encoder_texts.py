"""A few dozen texts in scripts with and without spaces."""

TEXTS = [
    text
    for number in range(40)
    for text in (
        f"What is the currency of country number {number}?",
        f"Country {number} pays in coin {number * 7}, as its central bank has said for {number} years.",
        f"ประเทศที่ {number} ใช้สกุลเงินอะไร",
        f"第{number}个国家使用什么货币？中央银行说了很多年。",
        f"Какая валюта в стране {number}?",
    )
]
