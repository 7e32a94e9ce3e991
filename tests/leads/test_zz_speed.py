import pytest, time
from tests.leads.helpers import Tenant, make_platform, working
pytestmark = pytest.mark.anyio
@pytest.fixture
def anyio_backend(): return "asyncio"
async def test_speed(database_url, data_dir):
    from vazao.leads import merging
    p = make_platform(database_url, data_dir); await p.open()
    async with working(p):
        t = Tenant(p, 1)
        async def go(name):
            b = "E-mail,Nome,Cidade,Empresa\n" + "".join(f"u{n*7919%200000}@x.com,{name}{n},C,E\n" for n in range(60000))
            s = await t.run(b); return s["execution_time_seconds"], s["created"], s["updated"]
        print(await go("a")); print("upd", await go("b")); print("upd", await go("c"))
    await p.close()
