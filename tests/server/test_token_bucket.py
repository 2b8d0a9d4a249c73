from maskstream_server.token_bucket import TokenBucket


def test_what_is_spent_grows_back_with_time_up_to_the_burst():
    bucket = TokenBucket(per_s=2, burst=3, now_s=10.0)
    assert [bucket.spend(1, 10.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.spend(1, 10.25)
    assert bucket.spend(1, 10.5)
    assert not bucket.spend(4, 1000.0)
    assert [bucket.spend(1, 1000.0) for _ in range(4)] == [True, True, True, False]


def test_what_is_charged_beyond_it_is_paid_back_by_waiting():
    bucket = TokenBucket(per_s=2, burst=3)
    assert bucket.charge(3, 0.0) == 0.0
    assert bucket.charge(5, 0.0) == 2.5
    assert bucket.charge(0, 1.0) == 1.5
    assert bucket.charge(0, 2.5) == 0.0
