// 02 How many of each kind
// How many of each kind there are
CALL () {
  MATCH (n:Party) RETURN 'Party' AS kind, count(n) AS number
  UNION ALL
  MATCH (n:Identifier) RETURN 'Identifier' AS kind, count(n) AS number
  UNION ALL
  MATCH (n:Invoice) RETURN 'Invoice' AS kind, count(n) AS number
  UNION ALL
  MATCH (n:Payment) RETURN 'Payment' AS kind, count(n) AS number
  UNION ALL
  MATCH (n:Shipment) RETURN 'Shipment' AS kind, count(n) AS number
  UNION ALL
  MATCH (n:Financing) RETURN 'Financing' AS kind, count(n) AS number
  UNION ALL
  MATCH (n:Event) RETURN 'Event' AS kind, count(n) AS number
  UNION ALL
  MATCH (n:Stock) RETURN 'Stock' AS kind, count(n) AS number
  UNION ALL
  MATCH (n:Outcome) RETURN 'Outcome' AS kind, count(n) AS number
  UNION ALL
  MATCH (n:Ring) RETURN 'Ring' AS kind, count(n) AS number
  UNION ALL
  MATCH (n:Case) RETURN 'Case' AS kind, count(n) AS number
}
RETURN kind, number ORDER BY number DESC LIMIT 20
