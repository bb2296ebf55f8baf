#!/bin/bash -eu
# As much of kubectl as the page types. What runs in a pod runs here, with the environment that the pod has.
say() { echo "kubectl: $*" >&2; exit 64; }

[ "$1 $2" = "-n shop" ] || say "not in the shop: $*"
verb=$3
shift 3
case $verb in
  exec)
    if [ "$1" = -i ]; then shift; else exec < /dev/null; fi
    pod=$1
    [ "$2" = -- ] || say "no -- before the command"
    shift 2
    case $pod in
      mariadb-0) exec env -i PATH="$PATH" HOME="$POD_HOME" MARIADB_ROOT_PASSWORD="$ROOT_PASSWORD" "$@" ;;
      redis-0) exec env -i PATH="$PATH" REDIS_SOCKET="$REDIS_SOCKET" "$@" ;;
      *) say "no pod $pod" ;;
    esac
    ;;
  scale)
    [ "$1" = deployment ] || say "scale $1"
    shift
    while [ "$1" != --replicas ]; do
      [ -f "$DEPLOYMENTS/$1/deployment.yaml" ] || say "no deployment $1"
      echo "$1 ${*: -1}" >> "$SCALED"
      shift
    done
    ;;
  rollout)
    [ "$1" = status ] && [ -f "$DEPLOYMENTS/${2#deployment/}/deployment.yaml" ] || say "rollout $*"
    ;;
  *) say "$verb" ;;
esac
