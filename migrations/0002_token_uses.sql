-- Uses of a join token become documents of their own: until now each join wrote all of them again.
INSERT INTO document (collection, key, version, body)
SELECT 'joinTokenUse', one.value || '/' || token.key, token.version,
  json_object(
    'spent', json(CASE WHEN one.value IN (SELECT value FROM json_each(token.body, '$.spent')) THEN 'true' ELSE 'false' END),
    'token', token.key)
FROM document AS token, json_each(token.body, '$.used') AS one
WHERE token.collection = 'joinToken';

UPDATE document
SET body = json_remove(json_set(body, '$.used', json_array_length(body, '$.used')), '$.spent')
WHERE collection = 'joinToken';
