-- Several objects of one file have a record each. Their paths were the file's with '#' and the object, which a file name
-- may hold as well. Now it is '//', which no path in Git has.
UPDATE hedgehog.git_file
SET path = left(path, -(length(kind || '/' || namespace || '/' || name) + 1)) || '//' || kind || '/' || namespace || '/' || name
WHERE kind IS NOT NULL AND right(path, length(kind || '/' || namespace || '/' || name) + 1) = '#' || kind || '/' || namespace || '/' || name;
