// 07 Events before and after
// Its events in the half years before and after the date, by kind
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
      (p)-[:HAS_EVENT]->(e:Event)
      WHERE e.occurredOn >= day - duration({days: 180}) AND e.occurredOn < day + duration({days: 180}) }
  RETURN p ORDER BY p.riskScore LIMIT 1
}
MATCH (p)-[:HAS_EVENT]->(e:Event)
WHERE e.occurredOn >= day - duration({days: 180}) AND e.occurredOn < day + duration({days: 180})
RETURN p.partyId AS party, day, e.kind AS kind,
       sum(CASE WHEN e.occurredOn < day THEN 1 ELSE 0 END) AS before,
       sum(CASE WHEN e.occurredOn >= day THEN 1 ELSE 0 END) AS after
ORDER BY before + after DESC LIMIT 20
