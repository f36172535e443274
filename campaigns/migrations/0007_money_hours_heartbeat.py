from django.db import migrations, models

# What a call with an outcome adds to sums that are no counts of rows: what it cost (in ten-thousandths of the
# carrier's currency), by campaign; and, by kind of account and half hour, whether it was answered. Half hours, because
# India's clock differs from UTC by one. Trial calls are nobody's habit and stay out of the latter.
SUMS = """
CREATE FUNCTION campaigns_attempt_sums(
    campaign_id bigint, account_kind text, outcome text, price numeric, intent_at timestamptz
) RETURNS TABLE (about text, minute integer, measure text, n bigint) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT said.about, said.minute, said.measure, said.n FROM (
        SELECT floor(extract(epoch FROM intent_at) / 60)::integer AS began, round(price * 10000)::bigint AS cost,
            CASE WHEN outcome IN ('answered', 'busy', 'no-answer', 'failed', 'cancelled') THEN
                (SELECT NOT one.is_test FROM campaigns_campaign AS one WHERE one.id = campaign_id) END AS reached
    ) AS known, LATERAL (VALUES
        ('campaign:' || campaign_id, 0, 'spent', cost),
        ('campaign:' || campaign_id, began - began % 5, 'spent', cost),
        ('hours:' || account_kind, began - began % 30, 'reached', CASE WHEN reached THEN 1 END),
        ('hours:' || account_kind, began - began % 30, 'answered',
            CASE WHEN reached AND outcome = 'answered' THEN 1 END)
    ) AS said (about, minute, measure, n) WHERE outcome <> '' AND said.n <> 0
$$;
"""
NO_SUMS = "DROP FUNCTION campaigns_attempt_sums(bigint, text, text, numeric, timestamptz)"

# Calls without an outcome yet are left out at once: most statements stop there.
ADD_UP = """
CREATE FUNCTION campaigns_tally_sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO campaigns_tally (about, minute, measure, n)
        SELECT said.about, said.minute, said.measure, sum(said.n) FROM made AS one,
            LATERAL campaigns_attempt_sums(one.campaign_id, one.account_kind, one.outcome, one.price, one.intent_at)
                AS said
        WHERE one.outcome <> '' GROUP BY 1, 2, 3;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO campaigns_tally (about, minute, measure, n)
        SELECT said.about, said.minute, said.measure, -sum(said.n) FROM gone AS one,
            LATERAL campaigns_attempt_sums(one.campaign_id, one.account_kind, one.outcome, one.price, one.intent_at)
                AS said
        WHERE one.outcome <> '' GROUP BY 1, 2, 3;
    ELSE
        INSERT INTO campaigns_tally (about, minute, measure, n)
        SELECT said.about, said.minute, said.measure, sum(changed.sign * said.n) FROM (
            SELECT campaign_id, account_kind, outcome, price, intent_at, sum(sign)::bigint AS sign FROM (
                SELECT campaign_id, account_kind, outcome, price, intent_at, 1 AS sign FROM made WHERE outcome <> ''
                UNION ALL
                SELECT campaign_id, account_kind, outcome, price, intent_at, -1 FROM gone WHERE outcome <> ''
            ) AS together GROUP BY 1, 2, 3, 4, 5 HAVING sum(sign) <> 0
        ) AS changed, LATERAL campaigns_attempt_sums(
            changed.campaign_id, changed.account_kind, changed.outcome, changed.price, changed.intent_at) AS said
        GROUP BY 1, 2, 3 HAVING sum(changed.sign * said.n) <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tally_sums_made AFTER INSERT ON campaigns_callattempt REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION campaigns_tally_sums();
CREATE TRIGGER tally_sums_changed AFTER UPDATE ON campaigns_callattempt REFERENCING OLD TABLE AS gone NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION campaigns_tally_sums();
CREATE TRIGGER tally_sums_gone AFTER DELETE ON campaigns_callattempt REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION campaigns_tally_sums();
"""
NO_ADD_UP = """
DROP TRIGGER tally_sums_made ON campaigns_callattempt;
DROP TRIGGER tally_sums_changed ON campaigns_callattempt;
DROP TRIGGER tally_sums_gone ON campaigns_callattempt;
DROP FUNCTION campaigns_tally_sums();
"""
# What is there already. Creating the triggers has locked the table against writers until this commits.
BEGIN_WITH = """
INSERT INTO campaigns_tally (about, minute, measure, n)
SELECT said.about, said.minute, said.measure, sum(said.n) FROM campaigns_callattempt AS one,
    LATERAL campaigns_attempt_sums(one.campaign_id, one.account_kind, one.outcome, one.price, one.intent_at) AS said
WHERE one.outcome <> '' AND (said.minute = 0 OR one.intent_at > now() - CASE said.measure
    WHEN 'spent' THEN interval '2 days' ELSE interval '29 days' END)
GROUP BY 1, 2, 3;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0006_page_indexes'),
    ]

    operations = [
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('name', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('seen_at', models.DateTimeField()),
            ],
        ),
        migrations.RunSQL(SUMS, NO_SUMS),
        migrations.RunSQL(ADD_UP, NO_ADD_UP),
        migrations.RunSQL(BEGIN_WITH, migrations.RunSQL.noop),
    ]
