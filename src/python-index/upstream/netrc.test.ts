import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loginAt, parseNetrc } from './netrc.ts'

describe('a .netrc', () => {
  test('says who logs in at which machine, on one line or on several, with quotes, comments and macros', () => {
    const text = [
      '# of the lab',
      'machine pypi.lab.example login ann password hunter-two',
      'MACHINE not a keyword in capitals',
      'machine Other.Example',
      '  login "with space"',
      '  account none',
      '  password "a \\"quoted\\" one"',
      'macdef init',
      'machine evil.example login x password y',
      '',
      'machine tokens.example password only',
      'machine nothing.example login ann',
      'default login anonymous password guest',
    ].join('\n')
    assert.deepEqual(parseNetrc(text), [
      { machine: 'pypi.lab.example', user: 'ann', password: 'hunter-two' },
      { machine: 'other.example', user: 'with space', password: 'a "quoted" one' },
      { machine: 'tokens.example', user: '', password: 'only' },
    ])
  })

  test('that is empty, cut off or of something else names nobody', () => {
    for (const text of [
      '',
      'machine',
      'machine a login',
      'login ann password x',
      'default password x',
      'macdef x\nmachine a password b',
      '\u0000"',
    ])
      assert.deepEqual(parseNetrc(text), [], JSON.stringify(text))
  })

  test('counts over TLS, whatever the port, and in the clear for this machine alone', () => {
    const logins = parseNetrc('machine pypi.lab.example login ann password hunter-two\nmachine 127.0.0.1 login bob password open-sesame')
    const authorization = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    const at = (url: string) => loginAt(logins, new URL(url))
    assert.deepEqual(at('https://pypi.lab.example:8443/simple/'), {
      origin: 'https://pypi.lab.example:8443',
      headers: { authorization: authorization('ann', 'hunter-two') },
    })
    assert.equal(at('http://pypi.lab.example/simple/'), undefined)
    assert.equal(at('https://evil.pypi.lab.example/'), undefined)
    assert.deepEqual(at('http://127.0.0.1:99/')?.headers, { authorization: authorization('bob', 'open-sesame') })
  })
})
