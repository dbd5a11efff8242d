"""Invented place names: Chinese stems with their pinyin, each used once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_FIRST = (
    "云yun 龙long 马ma 石shi 青qing 白bai 黑hei 红hong 金jin 银yin 松song 竹zhu 梅mei 桃tao 杏xing "
    "梨li 茶cha 花hua 草cao 麻ma 羊yang 牛niu 鹰ying 虎hu 鹿lu 鹤he 凤feng 高gao 长chang 双shuang "
    "三san 四si 五wu 七qi 九jiu 清qing 响xiang 平ping 安an 和he 永yong 兴xing 福fu 落luo 沙sha "
    "盐yan 铁tie 铜tong 瓦wa 木mu 水shui 风feng 雪xue 雾wu 月yue 星xing 药yao 蜂feng 核he 柏bai "
    "枫feng 荞qiao 稻dao 碧bi 翠cui 寒han 温wen 望wang 坐zuo 卧wo 倒dao 弯wan 流liu 回hui 鸣ming"
)
_SECOND = (
    "山shan 岭ling 峰feng 崖ya 岩yan 坡po 坪ping 坝ba 坎kan 沟gou 溪xi 河he 泉quan 潭tan 湾wan "
    "滩tan 塘tang 桥qiao 渡du 关guan 垭ya 坳ao 洞dong 林lin 田tian 园yuan 场chang 营ying 寨zhai "
    "堡bao 井jing 庙miao 塔ta 台tai 头tou 背bei 角jiao 门men 树shu 谷gu 源yuan 川chuan 屏ping 麓lu"
)
_PREFIX = "大da 小xiao 上shang 下xia 前qian 后hou 老lao 新xin 东dong 西xi 南nan 北bei"


@dataclass(frozen=True, slots=True)
class Name:
    chinese: str
    latin: str

    def with_ending(self, chinese: str, latin: str) -> Name:
        return Name(self.chinese + chinese, f"{self.latin} {latin}".strip())


class NameBook:
    """Hands out stems, none twice: two syllables while they last, then three."""

    def __init__(self, rng: np.random.Generator) -> None:
        first, second, prefix = _syllables(_FIRST), _syllables(_SECOND), _syllables(_PREFIX)
        self._parts = (prefix, first, second)
        self._extra = 0
        self._short = [int(i) for i in rng.permutation(len(first) * len(second))]
        self._long = [int(i) for i in rng.permutation(len(prefix) * len(first) * len(second))]

    def short(self) -> Name:
        """Two syllables, e.g. 青坪 Qingping; three once those are used up."""
        if not self._short:
            return self.long()
        return self._compose(self._short.pop(), with_prefix=False)

    def long(self) -> Name:
        """Three syllables, e.g. 上青坪 Shangqingping; numbered once those are used up."""
        if self._long:
            return self._compose(self._long.pop(), with_prefix=True)
        return self._numbered()

    def _compose(self, index: int, *, with_prefix: bool) -> Name:
        prefix, first, second = self._parts
        rest, b = divmod(index, len(second))
        p, a = divmod(rest, len(first))
        parts = [first[a], second[b]]
        if with_prefix:
            parts.insert(0, prefix[p])
        return Name("".join(c for c, _ in parts), "".join(s for _, s in parts).capitalize())

    def _numbered(self) -> Name:
        self._extra += 1
        return Name(f"第{self._extra}点", f"Di {self._extra} Dian")


def _syllables(table: str) -> list[tuple[str, str]]:
    return [(entry[0], entry[1:]) for entry in table.split()]
