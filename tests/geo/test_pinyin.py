"""Chinese names as they are typed: whole, by initials, and with every reading of a character."""

from __future__ import annotations

import pytest

from geo import pinyin


def found(name: str, typed: str) -> bool:
    return any(typed in key for key in pinyin.keys(name))


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("张伟", "zhangwei"),
        ("张伟", "zw"),
        ("张伟", "zhangw"),
        ("王小明", "wangxm"),
        ("石横中心", "shzx"),
        ("吕布", "lvbu"),
        ("吕布", "lubu"),
        ("K-12巡逻车", "k12xlc"),
        ("二〇三", "erlingsan"),
    ],
)
def test_a_name_is_found_whole_by_initials_and_mixed(name: str, typed: str) -> None:
    assert found(name, typed)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("单晓明", "shanxiaoming"),
        ("曾国藩", "zgf"),
        ("仇和", "qiuhe"),
        ("重庆", "chongqing"),
        ("乐山", "leshan"),
        ("长行重庆街道派出所综合指挥室", "zhangxingzhongqing"),
        ("长行重庆街道派出所综合指挥室", "changxingchongqing"),
    ],
)
def test_any_reading_of_a_character_will_do(name: str, typed: str) -> None:
    assert found(name, typed)


@pytest.mark.parametrize("name", ["", "P-07", "Ninghe Town", "—", "é"])
def test_a_name_without_chinese_characters_has_no_keys(name: str) -> None:
    assert pinyin.keys(name) == pinyin.syllables(name) == pinyin.initials(name) == ()


def test_the_usual_reading_comes_first() -> None:
    assert pinyin.syllables("大理")[0] == "dali"
    assert pinyin.initials("派出所")[0] == "pcs"


def test_initials_take_one_unusual_reading_at_most() -> None:
    assert found("信号盲区", "shenxiaomang")
    assert not found("信号盲区", "sxm")


def test_keys_hold_letters_and_digits_and_none_begins_another() -> None:
    keys = pinyin.keys("大理-7（北）")

    assert all(key.isascii() and key.isalnum() and key == key.lower() for key in keys)
    assert not any(a != b and a.startswith(b) for a in keys for b in keys)


def test_of_a_name_with_very_many_readings_some_are_looked_at() -> None:
    many = pinyin.syllables("行" * 200)

    assert len(many) == pinyin.WAYS_LEN_MAX
    assert all(len(each) <= 4 * pinyin.CHARS_MAX for each in many)
