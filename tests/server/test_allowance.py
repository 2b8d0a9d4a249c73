from maskstream_server.allowance import Allowance


def test_what_is_spent_grows_back_with_time_up_to_the_burst():
    allowance = Allowance(per_s=2, burst=3, now_s=10.0)
    assert [allowance.spend(1, 10.0) for _ in range(4)] == [True, True, True, False]
    assert not allowance.spend(1, 10.25)
    assert allowance.spend(1, 10.5)
    assert not allowance.spend(4, 1000.0)
    assert [allowance.spend(1, 1000.0) for _ in range(4)] == [True, True, True, False]


def test_what_is_charged_beyond_it_is_paid_back_by_waiting():
    allowance = Allowance(per_s=2, burst=3)
    assert allowance.charge(3, 0.0) == 0.0
    assert allowance.charge(5, 0.0) == 2.5
    assert allowance.charge(0, 1.0) == 1.5
    assert allowance.charge(0, 2.5) == 0.0
