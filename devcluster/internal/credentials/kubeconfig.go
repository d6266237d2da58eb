package credentials

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"hedgehog-devcluster/internal/clusterdir"
)

const kubeconfigTemplate = `apiVersion: v1
kind: Config
clusters:
- name: devcluster
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: %s
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: devcluster
  context:
    cluster: devcluster
    user: %s
current-context: devcluster
`

// WriteKubeconfig writes a kubeconfig by which its reader is user at server. It
// carries the private key, so only the owner may read the file; it refers to no
// other file, so it may be moved.
func WriteKubeconfig(path, server string, authority Authority, user string, client Pair) error {
	encode := base64.StdEncoding.EncodeToString
	content := fmt.Sprintf(kubeconfigTemplate,
		quote(server), encode(authority.Certificate()),
		quote(user), encode(client.Certificate), encode(client.Key), quote(user))
	return clusterdir.WriteFile(path, []byte(content))
}

// quote writes text as a YAML string; a JSON string is one.
func quote(text string) string {
	quoted, _ := json.Marshal(text) // a string cannot fail
	return string(quoted)
}
