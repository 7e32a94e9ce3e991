"""Sheets of leads to measure and try imports with: the same numbers give the same sheet.

A lead is made from its index alone (name, e-mail) and from index and seed (the rest), so that a
sheet overlaps a base by a range of indexes, and another seed means the same people with other
values. Everything is computed a column at a time; five million rows take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl

CHUNK: Final = 250_000
Known = tuple[int, int, int]
HEADERS: Final = {
    "name": "Nome",
    "email": "E-mail",
    "phone": "Telefone celular",
    "company": "Empresa",
    "job_title": "Cargo",
    "city": "Cidade",
    "state": "Estado",
    "website": "Site",
    "tags": "Etiquetas",
}


def _words(text: str, separator: str | None = None) -> list[str]:
    return text.split(separator)


_FIRST: Final = _words(
    "Maria José Ana João Antônio Francisco Carlos Paulo Pedro Lucas Luiz Marcos Luís Gabriel "
    "Rafael Francisca Márcia Adriana Juliana Fernanda Patrícia Aline Sandra Camila Amanda Bruna "
    "Jéssica Letícia Júlia Luciana Vanessa Mariana Gabriela Vera Vitória Larissa Cláudia Beatriz "
    "Daniel Marcelo Bruno Eduardo Felipe Raimundo Rodrigo Manoel Mateus André Fernando Fábio "
    "Leonardo Gustavo Guilherme Leandro Tiago Anderson Ricardo Márcio Jorge Sebastião Alexandre "
    "Roberto Edson Diego Vítor Sérgio Cláudio Caio Conceição Ângela Inês Lívia Heloísa Zoé",
)
_LAST: Final = _words(
    "Silva Santos Oliveira Souza Rodrigues Ferreira Alves Pereira Lima Gomes Costa Ribeiro "
    "Martins Carvalho Almeida Lopes Soares Fernandes Vieira Barbosa Rocha Dias Nascimento Andrade "
    "Moreira Nunes Marques Machado Mendes Freitas Cardoso Ramos Gonçalves Santana Teixeira Araújo "
    "Conceição Brandão Leão Falcão Guimarães Magalhães Simões Patrício Queirós Assunção Galvão",
)
_TRADE: Final = _words(
    "Padaria Farmácia Construtora Transportadora Clínica Auto-Peças Mercearia Confecções Gráfica "
    "Consultoria Laboratório Distribuidora Metalúrgica Escola Livraria Restaurante Hotel Ótica",
)
_BRAND: Final = _words(
    "São José|Boa Vista|Três Irmãos|Nova Era|Capibaribe|Ipiranga|Aliança|Sertão|Litoral|Primavera|"
    "Horizonte|União|Santa Fé|Imperial|Estrela|Atlântico|Serrana|Bandeirantes|Guararapes|Alvorada",
    "|",
)
_FORM: Final = ("Ltda", "Ltda", "S.A.", "ME", "EPP", '"Matriz"', "& Filhos")
_JOB: Final = _words(
    "Analista|Gerente comercial|Diretora|Diretor|Sócio-administrador|Compradora|Comprador|Médica|"
    "Enfermeiro|Professora|Engenheiro civil|Técnica em informática|Assistente administrativo|"
    "Coordenadora de TI|Vendedor|Estagiária|Advogado|Proprietária",
    "|",
)
_PLACE: Final = (
    "São Paulo|SP Rio de Janeiro|RJ Recife|PE Belo Horizonte|MG Salvador|BA Fortaleza|CE "
    "Curitiba|PR Manaus|AM Brasília|DF Belém|PA Porto Alegre|RS Goiânia|GO São Luís|MA Maceió|AL "
    "Campinas|SP Guarulhos|SP Niterói|RJ Olinda|PE Caruaru|PE Uberlândia|MG Florianópolis|SC "
    "Vitória|ES João Pessoa|PB Natal|RN Teresina|PI Cuiabá|MT Macapá|AP Petrolina|PE"
)
_DOMAIN: Final = _words(
    "gmail.com gmail.com gmail.com hotmail.com outlook.com yahoo.com.br uol.com.br bol.com.br "
    "terra.com.br exemplo.com.br empresa-modelo.com.br prefeitura.example.org",
)
_TAGS: Final = (
    "",
    "",
    "cliente",
    "cliente, VIP",
    "lead frio",
    "lead quente",
    "newsletter; 2026",
    "feira|São Paulo",
    "parceiro",
    "inativo, 2025",
)
_WRONG: Final = ("no at sign", "no e-mail", "bad phone", "too long")


def _places() -> list[tuple[str, str]]:
    words, places, name = _PLACE.split(" "), [], ""
    for word in words:
        city, bar, state = word.partition("|")
        name = f"{name} {city}".strip()
        if bar:
            places.append((name, state))
            name = ""
    return places


def _skewed(values: Sequence[str], slots: int = 4096) -> pl.Series:
    """*values* repeated by rank into about *slots* places, the first in about 5 % of them."""
    weights = [1 / (rank + 8) for rank in range(1, len(values) + 1)]
    unit = slots / sum(weights)
    return pl.Series(
        [v for v, w in zip(values, weights, strict=True) for _ in range(max(1, round(w * unit)))]
    )


def _hash(index: pl.Expr, salt: pl.Expr | int) -> pl.Expr:
    """SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) of *index*, another stream for each *salt*."""

    def constant(value: int) -> pl.Expr:
        return pl.lit(value & (2**64 - 1), dtype=pl.UInt64)

    stream = pl.lit(salt) if isinstance(salt, int) else salt
    golden = constant(0x9E3779B97F4A7C15)
    z = index.cast(pl.UInt64) + (stream.cast(pl.UInt64) + 1) * golden
    z = (z ^ (z // constant(2**30))) * constant(0xBF58476D1CE4E5B9)
    z = (z ^ (z // constant(2**27))) * constant(0x94D049BB133111EB)
    return z ^ (z // constant(2**31))


def _pick(table: Sequence[str] | pl.Series, number: pl.Expr) -> pl.Expr:
    values = table if isinstance(table, pl.Series) else pl.Series(list(table))
    picked: pl.Expr = pl.lit(values).gather(number % len(values))
    return picked


def _plain(values: pl.Series) -> pl.Series:
    """*values* as they stand in an address: unaccented, lower case."""
    bare = values.str.normalize("NFKD").str.replace_all(r"\pM", "")
    return bare.str.to_lowercase()


def _literal(text: str) -> str | None:
    tags = [t.strip() for t in text.replace(";", ",").replace("|", ",").split(",") if t.strip()]
    return "{" + ",".join(f'"{t}"' for t in tags) + "}" if tags else None


def _phones(number: pl.Expr) -> pl.Expr:
    """Mobile numbers in five human styles."""
    four = pl.Series([f"{n:04d}" for n in range(10_000)])
    head, last = _pick(four, number), _pick(four, number // 10**4)
    area, first = _pick([str(n) for n in range(11, 99)], number // 10**9), "9" + head
    style = number // 10**12 % 5
    return (
        pl.when(style == 0)
        .then("(" + area + ") " + first + "-" + last)
        .when(style == 1)
        .then(area + first + last)
        .when(style == 2)
        .then("+55 " + area + " " + first + "-" + last)
        .when(style == 3)
        .then("55" + area + first + last)
        .otherwise(area + " 9 " + head + "." + last)
    )


def _people(leads: pl.DataFrame) -> pl.DataFrame:
    """One lead a row of ``index`` and ``seed``, valid and canonical; ``tags`` as in a sheet."""
    first, last = _skewed(_FIRST), _skewed(_LAST)
    places = _places()
    i, seed = pl.col("index"), pl.col("seed")
    who, what, where = _hash(i, 0), _hash(i, 2 * seed + 1), _hash(i, 2 * seed + 2)
    surname = who // 2**16
    firm, brand = what % 2**20, what // 2**20 % 2**20
    domain = _pick(_DOMAIN, who // 2**32)
    local = _pick(_plain(first), who) + "." + _pick(_plain(last), surname)
    site = "www." + _pick(_plain(pl.Series(_TRADE)), firm)
    return leads.select(
        (_pick(first, who) + " " + _pick(last, surname)).alias("name"),
        (local + i.cast(pl.String) + "@" + domain).alias("email"),
        _phones(_hash(i, 3 * seed + 7)).alias("phone"),
        (_pick(_TRADE, firm) + " " + _pick(_BRAND, brand) + " " + _pick(_FORM, brand // 64)).alias(
            "company"
        ),
        _pick(_JOB, what // 2**40).alias("job_title"),
        _pick([city for city, _ in places], where).alias("city"),
        _pick([state for _, state in places], where).alias("state"),
        pl.when(where // 2**32 % 3 > 0)
        .then(site + (brand % 1000).cast(pl.String) + ".com.br")
        .alias("website"),
        _pick(_TAGS, where // 2**40).alias("tags"),
    )


def clean_frame(start: int, count: int, seed: int = 1, step: int = 1) -> pl.DataFrame:
    """*count* leads from *start* on, each *step*-th, as an import would store them.

    Columns are the fields of `HEADERS`, all String; null = empty, ``tags`` a PostgreSQL array
    literal. The e-mail (lower case) depends on the index alone.
    """
    literals = {text: _literal(text) for text in _TAGS}
    index = pl.int_range(start, start + count * step, step, eager=True).alias("index")
    people = _people(index.to_frame().with_columns(seed=pl.lit(seed)))
    return people.with_columns(pl.col("tags").replace_strict(literals))


def _leads(
    rows: pl.Series, count: int, start: int, existing: Known, duplicates: float
) -> pl.DataFrame:
    """For each row number of a sheet of *count* its lead: ``row``, ``index``, ``known``."""
    known_start, known, step = existing
    row = pl.col("row")
    luck = _hash(row, 40) % 1_000_000 < round(duplicates * 1_000_000)
    back = 1 + (_hash(row, 41) % 1000).cast(pl.Int64)
    source = pl.when(luck & (row >= back)).then(row - back).otherwise(row)
    j = pl.col("source")
    before, after = j * known // count, (j + 1) * known // count
    index = pl.when(after > before).then(known_start + before * step).otherwise(start + j - before)
    frame = rows.alias("row").to_frame().with_columns(source.alias("source"))
    return frame.select("row", index.alias("index"), (after > before).alias("known"))


def _spoil(sheet: pl.DataFrame, wrong: float, seed: int) -> pl.DataFrame:
    """*sheet* as people keep it: some e-mails in capitals, a share *wrong* of refused rows."""
    row, email = pl.col("row"), pl.col("email")
    bad = _hash(row, seed + 50) % 1_000_000 < round(wrong * 1_000_000)
    kind, style = _hash(row, seed + 51) % len(_WRONG), _hash(row, 52) % 10

    def case(name: str) -> pl.Expr:
        return bad & (kind == _WRONG.index(name))

    return sheet.with_columns(
        pl.when(case("no e-mail"))
        .then(None)
        .when(case("no at sign"))
        .then(email.str.replace("@", " "))
        .when(style == 0)
        .then(email.str.to_uppercase())
        .when(style == 1)
        .then(email.str.to_titlecase())
        .otherwise(email)
        .alias("email"),
        pl.when(case("bad phone")).then(pl.lit("123")).otherwise("phone").alias("phone"),
        pl.when(case("too long")).then(pl.lit("á" * 501)).otherwise("name").alias("name"),
    )


def pieces(
    start: int,
    count: int,
    wrong: float,
    existing: Known,
    changed: bool,
    duplicates: float,
    seed: int,
) -> Iterator[pl.DataFrame]:
    """A sheet in pieces of at most `CHUNK` rows, under the headers of `HEADERS`."""
    for low in range(0, count, CHUNK):
        rows = pl.int_range(low, min(low + CHUNK, count), eager=True)
        leads = _leads(rows, count, start, existing, duplicates)
        values = pl.when(pl.lit(changed) & pl.col("known")).then(seed + 1).otherwise(seed)
        people = _people(leads.with_columns(seed=values))
        sheet = _spoil(people.with_columns(leads["row"]), wrong, seed)
        yield sheet.select(
            pl.col(field).replace("", None).alias(header) for field, header in HEADERS.items()
        )


def sheet_csv(
    path: Path | str,
    start: int,
    count: int,
    *,
    wrong: float = 0.02,
    existing: Known = (0, 0, 1),
    changed: bool = True,
    duplicates: float = 0.0,
    seed: int = 1,
) -> None:
    """Write a CSV sheet of *count* rows.

    Args:
        path: where to; overwritten.
        start: index of the first new lead.
        count: rows of the sheet, those of *existing* included.
        wrong: share of rows that validation refuses, of four kinds in equal parts.
        existing: (first index, how many, step) of leads that the base has; spread among the new
            ones. The step spreads them over the base too.
        changed: whether they come with other values than `clean_frame` gives for *seed*.
        duplicates: share of rows that repeat the lead of one of the 1,000 rows before.
        seed: as for `clean_frame`.
    """
    with Path(path).open("wb") as file:
        for part, sheet in enumerate(
            pieces(start, count, wrong, existing, changed, duplicates, seed)
        ):
            sheet.write_csv(file, include_header=part == 0)
