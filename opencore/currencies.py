"""The currencies that money can be in, and how an amount of them is written.

The codes and digits are those of ISO 4217, list one, as maintained by SIX in 2026:
https://www.six-group.com/en/products-services/financial-information/data-standards.html
Left out are funds, metals, units of account and codes for testing.
"""

_CODES_BY_DIGITS: dict[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN
        BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP
        GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD
        KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN
        NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG
        SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
        USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
}

MINOR_DIGITS: dict[str, int] = {
    code: digits for digits, codes in _CODES_BY_DIGITS.items() for code in codes.split()
}


def written(*, amount_minor: int, currency: str) -> str:
    """Return an amount as people write it, such as `19.99 EUR`; raises KeyError."""
    digits = MINOR_DIGITS[currency]
    if digits == 0:
        return f"{amount_minor} {currency}"
    whole, part = divmod(amount_minor, 10**digits)
    return f"{whole}.{part:0{digits}} {currency}"
