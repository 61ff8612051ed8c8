import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redact } from './redact.ts'

test('what our own questions have after the question mark is shown', () => {
  for (const url of [
    'https://api.github.com/repos/a/b/actions/workflows/c.yml/runs?branch=main&event=workflow_dispatch&exclude_pull_requests=true&per_page=30&page=2',
    'https://api.github.com/repos/a/b/actions/workflows/c.yml/runs?status=success',
    'https://gitlab.example.com/api/v4/projects/a%2Fb/registry/repositories?tags=true&tags_count=true&per_page=100&page=1',
    'https://registry.example.com/v2/a/blobs/uploads/?mount=sha256%3Aab&from=b',
    'https://auth.example.com/token?service=registry&scope=repository%3Aa%3Apull&account=ci',
  ]) {
    assert.equal(redact(`GET ${url} was answered with 500`), `GET ${url} was answered with 500`)
  }
})

test('what addresses of others have there is hidden, and so are users’ passwords and what follows a word for credentials', () => {
  assert.equal(redact('https://x.example.com/a?sig=abc&se=2026&page=1'), 'https://x.example.com/a?sig=[hidden]&se=[hidden]&page=1')
  assert.equal(redact('https://ann:secret@example.com/'), 'https://ann:[hidden]@example.com/')
  assert.equal(redact('authorization: Bearer abc.def'), 'authorization: Bearer [hidden]')
  assert.equal(redact('PRIVATE-TOKEN: abcdef'), 'PRIVATE-TOKEN: [hidden]')
})

test('a password in a URL is hidden to its end, whatever signs it has; ports and digests are none', () => {
  for (const password of ['p@ss', 'pa#ss', 'pa/s?s', '12#ab', 'a:b/c'])
    assert.equal(redact(`no URL: sftp://ann:${password}@host:22/x, or so`), 'no URL: sftp://ann:[hidden]@host:22/x, or so')
  for (const text of [
    'docker://localhost:5000/team/app@sha256:ab',
    'https://[::1]:8080/a@b',
    'sftp://ann@host:22/a:b@c',
    '{"url":"s3://bucket","to":"ann@example.com"}',
  ])
    assert.equal(redact(text), text)
})

test('a long text that is nearly an address over and over again costs what it is long, not the square of it', () => {
  const began = process.cpuUsage()
  for (const text of ['a-'.repeat(1 << 17), 'ghp-'.repeat(1 << 16), '://a:'.repeat(1 << 15), '&a='.repeat(1 << 16)]) redact(text)
  assert.ok(process.cpuUsage(began).user < 5_000_000)
})
