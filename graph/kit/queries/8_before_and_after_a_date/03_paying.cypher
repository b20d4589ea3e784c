// 03 Paying before and after
// How late it paid before and after the date
CALL () {
  OPTIONAL MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  RETURN coalesce(date($asOf), run.asOf - duration({days: 180})) AS day
}
CALL (day) {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run, day LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
    AND EXISTS {
      (p)<-[:BILLED_TO]-(i:Invoice)
      WHERE i.dueOn >= day - duration({days: 180}) AND i.dueOn < day + duration({days: 180}) }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)<-[:BILLED_TO]-(i:Invoice)
WHERE i.dueOn >= day - duration({days: 180}) AND i.dueOn < day + duration({days: 180})
WITH p, day, CASE WHEN i.dueOn < day THEN 'before' ELSE 'after' END AS half, i,
     duration.inDays(i.dueOn, i.paidOn).days AS days
RETURN p.partyId AS party, day, half, count(*) AS invoices, count(i.paidOn) AS paid,
       round(avg(CASE WHEN days > 0 THEN days ELSE 0 END), 1) AS meanDaysLate, max(days) AS latest
ORDER BY half DESC LIMIT 20
