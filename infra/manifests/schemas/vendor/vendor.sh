#!/usr/bin/env bash
# Makes the schemas beside this folder anew. Needs python3 with pip and PyYAML, Go, a JDK and Maven; nobody else does:
# what it makes is checked in.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

KUBERNETES=1.36.0                 # of the definitions
KUBERNETES_VALIDATE=1.37.0        # the Python package that has them
STRIMZI=0.49.1                    # jar of the operator's API classes
PROMETHEUS_OPERATOR=v0.95.1       # Go module of the API types
EXTERNAL_SECRETS=v0.18.2          # Go module of the API types
TRAEFIK=v3.6.0                    # Go module of the API types
CONTROLLER_GEN=v0.21.0

pip download -q --no-deps -d "$work" "kubernetes-validate==$KUBERNETES_VALIDATE"
(cd "$work" && python3 -m zipfile -e kubernetes_validate-*.whl kubernetes)
definitions=$work/kubernetes/kubernetes_validate/kubernetes-json-schema/v$KUBERNETES-local-strict/_definitions.json

# Kinds whose Go types are public: as their own operators make their CRDs.
export GOBIN=$work/bin
go install "sigs.k8s.io/controller-tools/cmd/controller-gen@$CONTROLLER_GEN"
crds() { # module, version, package
  local dir
  dir=$(cd "$work" && go mod download -json "$1@$2" | python3 -c 'import json,sys; print(json.load(sys.stdin)["Dir"])')
  cp -r "$dir" "$work/module"
  chmod -R u+w "$work/module"
  (cd "$work/module" && "$GOBIN/controller-gen" crd:crdVersions=v1 "paths=$3" "output:crd:dir=$work/crds")
  rm -rf "$work/module"
}
crds github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring "$PROMETHEUS_OPERATOR" ./v1/...
crds github.com/external-secrets/external-secrets "$EXTERNAL_SECRETS" ./apis/externalsecrets/v1/...
crds github.com/traefik/traefik/v3 "$TRAEFIK" ./pkg/provider/kubernetes/crd/traefikio/v1alpha1/...

# Strimzi's are Java classes. Their annotations are compiled in, but in no jar that is published: these are the
# ones that limit values.
cat > "$work/pom.xml" <<END
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>vendor</groupId><artifactId>vendor</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>io.strimzi</groupId><artifactId>api</artifactId><version>$STRIMZI</version></dependency>
  </dependencies>
</project>
END
(cd "$work" && mvn -q -B dependency:copy-dependencies -DoutputDirectory="$work/jars")
annotations=$work/src/io/strimzi/crdgenerator/annotations
mkdir -p "$annotations" "$work/classes"
for one in "Minimum int" "Maximum int" "MinimumItems int" "Pattern String" "PresentInVersions String" "RequiredInVersions String"; do
  read -r name type <<< "$one"
  cat > "$annotations/$name.java" <<END
package io.strimzi.crdgenerator.annotations;
@java.lang.annotation.Retention(java.lang.annotation.RetentionPolicy.RUNTIME)
public @interface $name { $type value(); }
END
done
javac -d "$work/classes" "$annotations"/*.java
javac -cp "$work/classes:$work/jars/*" -d "$work/classes" "$here/StrimziSchemas.java"
java -cp "$work/classes:$work/jars/*" StrimziSchemas \
  kafka.Kafka nodepool.KafkaNodePool topic.KafkaTopic connect.KafkaConnect connector.KafkaConnector \
  2> /dev/null > "$work/strimzi.json"

python3 "$here/vendor.py" "$definitions" "$work/strimzi.json" "$work/crds" "$here/.."
