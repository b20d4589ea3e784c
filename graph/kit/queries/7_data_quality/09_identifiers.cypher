// 09 Identifiers
// Identifiers: how many, and how many on several parties
MATCH (n:Identifier)
WITH n.scheme AS scheme, n.value AS value, count(DISTINCT n.partyId) AS parties
RETURN scheme, count(*) AS values, sum(CASE WHEN parties > 1 THEN 1 ELSE 0 END) AS onSeveralParties
ORDER BY onSeveralParties DESC, values DESC LIMIT 20
