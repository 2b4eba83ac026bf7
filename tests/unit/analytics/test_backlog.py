from analytics.backlog import Backlog, Waiting

PLACE = ("trust.reports", 3)


def backlog() -> Backlog:
    return Backlog({"trust.reports": 10.0, "trust.panes": 30.0})


def test_what_is_taken_in_as_it_comes_never_waits() -> None:
    watched = backlog()
    for second in range(100):
        watched.saw(second, PLACE, end=50 * (second + 1), done=50 * second)
        assert watched.overdue(second) is None


def test_what_nobody_takes_in_is_overdue_after_the_patience_with_its_topic() -> None:
    watched = backlog()
    for second in range(41):
        watched.saw(second, PLACE, end=100 + second, done=40)
        watched.saw(second, ("trust.panes", 0), end=7, done=0)
        expected = Waiting("trust.reports", 3, 40, 0.0) if second >= 10 else None
        assert watched.overdue(second) == expected
    watched.saw(41, PLACE, end=141, done=141)
    assert watched.overdue(41) == Waiting("trust.panes", 0, 0, 0.0)


def test_the_wait_is_that_of_the_oldest_message_left_and_not_of_the_first_ever() -> None:
    watched = backlog()
    watched.saw(0, PLACE, end=100, done=0)
    watched.saw(8, PLACE, end=200, done=0)
    watched.saw(12, PLACE, end=200, done=100)
    assert watched.overdue(12) is None
    assert watched.overdue(18) == Waiting("trust.reports", 3, 100, 8.0)


def test_what_turns_out_to_be_no_message_is_given_the_whole_patience_again() -> None:
    watched = backlog()
    watched.saw(0, PLACE, end=100, done=98)
    assert watched.overdue(10) is not None
    watched.empty(PLACE)
    assert watched.overdue(10) is None
    watched.saw(11, PLACE, end=101, done=98)
    assert watched.overdue(20) is None
    assert watched.overdue(21) == Waiting("trust.reports", 3, 98, 11.0)


def test_a_day_without_workers_takes_no_more_room_than_an_hour() -> None:
    watched = backlog()
    for second in range(86_400):
        watched.saw(second, PLACE, end=second + 1, done=0)
    assert watched.overdue(86_400) == Waiting("trust.reports", 3, 0, 0.0)
    assert len(watched._partitions[PLACE].ends) <= 512
    watched.saw(86_400, PLACE, end=86_400, done=43_200)
    late = watched.overdue(86_400)
    assert late is not None
    assert 43_199 <= late.since_s < 43_199 + 600


def test_one_that_was_overdue_counts_until_the_other_providers_of_its_partition_had_time_to_follow() -> None:
    watched = Backlog({"trust.reports": 10.0}, settle_s=5.0)
    watched.saw(0, PLACE, end=100, done=0)
    assert watched.overdue(9) is None
    waited = watched.overdue(10)
    assert waited == Waiting("trust.reports", 3, 0, 0.0)
    watched.saw(11, PLACE, end=100, done=100)
    assert watched.overdue(14) == waited
    assert watched.overdue(15) is None
    assert watched.overdue(14) is None


def test_a_partition_that_begins_anew_has_nothing_that_waits_from_before() -> None:
    watched = backlog()
    watched.saw(0, PLACE, end=100, done=0)
    watched.saw(9, PLACE, end=3, done=0)
    assert watched.overdue(18) is None
    assert watched.overdue(19) == Waiting("trust.reports", 3, 0, 9.0)
