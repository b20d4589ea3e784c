// 03 Owners of many
// People and firms behind most others
MATCH (run:Run {state: 'published'}) WITH run LIMIT 1
MATCH (o:Party)
WITH run, o, COUNT { (o)-[:OWNS|CONTROLS|LEGAL_REP_OF]->() } AS ties
WITH run, o, ties ORDER BY ties DESC LIMIT 25
MATCH (o)-[tie:OWNS|CONTROLS|LEGAL_REP_OF]->(firm:Party)
RETURN o.partyId AS party, o.name AS name, o.kind AS kind, count(DISTINCT firm) AS firms,
       sum(CASE type(tie) WHEN 'OWNS' THEN 1 ELSE 0 END) AS owns,
       sum(CASE type(tie) WHEN 'CONTROLS' THEN 1 ELSE 0 END) AS controls,
       sum(CASE type(tie) WHEN 'LEGAL_REP_OF' THEN 1 ELSE 0 END) AS represents,
       min(CASE firm.runId WHEN run.runId THEN firm.riskScore END) AS lowestScore
ORDER BY firms DESC, party LIMIT 25
