#!/bin/bash
# healthy PORT [PATH]: whether the server on this port of this container answers 200. Without curl in the image.
exec 3<> "/dev/tcp/127.0.0.1/${1:?which port?}" || exit 1
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "${2:-/readyz}" >&3
read -r -t 5 -u 3 _ status _ && [ "$status" = 200 ]
