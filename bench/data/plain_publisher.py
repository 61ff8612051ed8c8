"""
A plain publisher of a Python index on boto3, which works the way of the usual scripts:

    publish BUCKET PREFIX...            list all, HEAD each wheel and each `.metadata` in six threads, write every page with a time stamp
    mirror BUCKET UPSTREAM FILE PREFIX...  for each prefix download each wheel that is named in FILE, and upload it
    download BUCKET PREFIX THREADS      read every wheel, and keep nothing: what there is to beat

Where and as whom is told by the variables of the AWS tools, the server by ENDPOINT. Prints what was sent to the server as JSON.
"""

import base64
import html
import json
import os
import sys
import time
import urllib.request
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from urllib.parse import quote, urljoin

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

THREADS = 6
sent = Counter()


def connect(connections):
    client = boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], config=Config(max_pool_connections=connections))
    client.meta.events.register("before-send.s3", count)
    return client


def count(event_name, **_):
    sent[event_name.rsplit(".", 1)[-1]] += 1


def wheels_of(client, bucket, prefix):
    wheels = []
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + "/"):
        for found in page.get("Contents", ()):
            name = found["Key"][len(prefix) + 1 :]
            if "/" not in name and name.endswith(".whl"):
                wheels.append(name)
    return wheels


def sha256_of(client, bucket, key):
    """What the server says without a reading; undefined where there is no such object."""
    try:
        found = client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return None
        raise
    checksum = found.get("ChecksumSHA256")
    return "" if checksum is None or "-" in checksum else base64.b64decode(checksum).hex()


def publish(client, bucket, prefixes):
    for prefix in prefixes:
        wheels = wheels_of(client, bucket, prefix)

        def look(wheel):
            key = f"{prefix}/{wheel}"
            return wheel, sha256_of(client, bucket, key), sha256_of(client, bucket, key + ".metadata")

        with ThreadPoolExecutor(THREADS) as pool:
            looked = list(pool.map(look, wheels))
        packages = defaultdict(list)
        for wheel, digest, metadata in looked:
            packages[wheel.split("-")[0].lower().replace("_", "-")].append((wheel, digest, metadata))
        stamp = f"<!--TIMESTAMP {time.time()}-->"
        for package in sorted(packages):
            links = "".join(link(*each) for each in sorted(packages[package]))
            put_page(client, bucket, f"{prefix}/{package}/index.html", package, links, stamp)
        names = "".join(f'    <a href="{name}/">{name}</a><br/>\n' for name in sorted(packages))
        put_page(client, bucket, f"{prefix}/index.html", prefix, names, stamp)


def link(wheel, digest, metadata):
    told = "" if not digest else f"#sha256={digest}"
    attribute = "" if not metadata else f' data-dist-info-metadata="sha256={metadata}" data-core-metadata="sha256={metadata}"'
    return f'    <a href="../{quote(wheel)}{told}"{attribute}>{html.escape(wheel)}</a><br/>\n'


def put_page(client, bucket, key, title, body, stamp):
    page = f"<!DOCTYPE html>\n<html>\n  <body>\n    <h1>Links for {html.escape(title)}</h1>\n{body}  </body>\n</html>\n{stamp}\n"
    client.put_object(Bucket=bucket, Key=key, Body=page.encode(), ContentType="text/html", CacheControl="no-cache,no-store,must-revalidate")


def mirror(client, bucket, upstream, wanted, prefixes):
    with open(wanted) as lines:
        packages = [line.split() for line in lines]
    for prefix in prefixes:
        for package, wheel in packages:
            # The page says where the file is; it is asked for each time.
            with urllib.request.urlopen(urljoin(upstream, f"{package}/")) as answer:
                sent["upstream pages"] += 1
                assert wheel in answer.read().decode()
            with urllib.request.urlopen(urljoin(upstream, f"../files/{quote(wheel)}")) as answer:
                sent["upstream files"] += 1
                content = answer.read()
            checksum = base64.b64encode(sha256(content).digest()).decode()
            client.put_object(Bucket=bucket, Key=f"{prefix}/{wheel}", Body=content, ChecksumSHA256=checksum)


def download(client, bucket, prefix, threads):
    def read(wheel):
        body = client.get_object(Bucket=bucket, Key=f"{prefix}/{wheel}")["Body"]
        for _ in body.iter_chunks(1 << 20):
            pass

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, wheels_of(client, bucket, prefix)))


def main():
    verb, bucket, *rest = sys.argv[1:]
    if verb == "publish":
        publish(connect(THREADS), bucket, rest)
    elif verb == "mirror":
        mirror(connect(THREADS), bucket, rest[0], rest[1], rest[2:])
    else:
        download(connect(int(rest[1])), bucket, rest[0], int(rest[1]))
    print(json.dumps(sent))


main()
