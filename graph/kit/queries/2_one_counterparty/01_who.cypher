// 01 Who it is, its score
// Who it is, and its score ($party; else the riskiest)
CALL () {
  MATCH (p:Party {partyId: $party}) RETURN p
  UNION
  MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
  MATCH (p:Party {runId: run.runId}) WHERE $party IS NULL AND p.riskScore IS NOT NULL
  RETURN p ORDER BY p.riskScore LIMIT 1
}
RETURN p.partyId AS party, p.name AS name, p.kind AS kind, p.roles AS roles, p.country AS country,
       p.region AS region, p.industry AS industry, p.sizeBand AS size, p.registeredOn AS registered,
       p.riskScore AS score, p.riskBand AS band, p.riskPd AS pd, p.riskPercentile AS percentile,
       p.riskInheritedPoints AS inheritedPoints, p.riskAsOf AS asOf LIMIT 1
