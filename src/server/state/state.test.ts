import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { manualClock } from '../../../test/fakes/manual-clock.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { isFault, redact } from '../../kit/index.ts'
import { openServerState } from './open.ts'

const scratch = scratchDirectory()
let made = 0
const newFile = () => path.join(scratch, `state-${made++}`, 'server.sqlite')

const ci = { name: 'ci', scopes: ['release:promote'], by: 'ann', expires: undefined }

describe('tokens', () => {
  it('are found by their secret alone, which is kept nowhere and shown by no message', () => {
    const file = newFile()
    const state = openServerState(file, manualClock())
    const { token, secret } = state.tokens.create(ci)
    assert.equal(state.tokens.find(secret)?.id, token.id)
    assert.equal(state.tokens.find(`${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`), undefined)
    assert.equal(state.tokens.find(token.id), undefined)
    assert.equal(redact(`sent ${secret}`), 'sent [hidden]')
    assert.doesNotMatch(JSON.stringify(state.tokens.list()), new RegExp(secret.slice(-20)))
    state.close()
    const db = new DatabaseSync(file)
    const [row] = db.prepare('SELECT * FROM tokens').all()
    assert.ok(!Object.values(row!).some((value) => String(value).includes(secret.slice(-20))))
    db.close()
  })

  it('are good until they expire, and until they are revoked', async () => {
    const clock = manualClock(0)
    const { tokens } = openServerState(':memory:', clock)
    const { secret } = tokens.create({ ...ci, expires: 1_000 })
    const { secret: other, token } = tokens.create(ci)
    assert.ok(tokens.find(secret))
    await clock.advance(1_000)
    assert.equal(tokens.find(secret), undefined)
    assert.ok(tokens.find(other))
    tokens.revoke(token.id)
    assert.equal(tokens.find(other), undefined)
    assert.throws(
      () => tokens.revoke(token.id),
      (error) => isFault(error, 'nothing-to-do'),
    )
    assert.throws(
      () => tokens.revoke('none'),
      (error) => isFault(error, 'not-found'),
    )
  })

  it('tell when they were used last', () => {
    const clock = manualClock(60_000)
    const { tokens } = openServerState(':memory:', clock)
    const { secret } = tokens.create(ci)
    assert.equal(tokens.list()[0]?.used, undefined)
    tokens.find(secret)
    assert.equal(tokens.list()[0]?.used, 60_000)
  })
})

describe('the audit log', () => {
  const entry = { request: 'r', kind: 'done', action: 'promote', by: 'ci', from: '10.0.0.1', what: { a: 1 } } as const

  it('is read newest first, page by page, and is the same for every process that has it open', () => {
    const file = newFile()
    const [one, two] = [openServerState(file, manualClock()), openServerState(file, manualClock())]
    for (let at = 0; at < 6; at++) (at % 2 === 0 ? one : two).audit.append({ ...entry, request: String(at) })
    assert.deepEqual(
      one.audit.read({ limit: 4 }).map(({ request }) => request),
      ['5', '4', '3', '2'],
    )
    assert.deepEqual(
      two.audit.read({ limit: 4, before: 3 }).map(({ request }) => request),
      ['1', '0'],
    )
    assert.equal(one.audit.verify(), undefined)
    one.close()
    two.close()
  })

  it('can neither be changed nor shortened, and says where somebody did it all the same', () => {
    const file = newFile()
    const state = openServerState(file, manualClock())
    for (let at = 0; at < 5; at++) state.audit.append(entry)
    const db = new DatabaseSync(file)
    assert.throws(() => db.exec("UPDATE audit SET entry = '{}' WHERE seq = 3"), /only grows/)
    assert.throws(() => db.exec('DELETE FROM audit WHERE seq = 3'), /only grows/)
    db.exec("DROP TRIGGER audit_stays; UPDATE audit SET entry = replace(entry, '10.0.0.1', '10.0.0.2') WHERE seq = 3")
    assert.equal(state.audit.verify(), 3)
    db.exec('DROP TRIGGER audit_stays_whole; DELETE FROM audit WHERE seq = 2')
    assert.equal(state.audit.verify(), 3)
    db.close()
    state.close()
  })
})

describe('answers', () => {
  it('are known for a day, and what its doer left behind may be done anew', async () => {
    const clock = manualClock(0)
    const { answers } = openServerState(':memory:', clock)
    assert.equal(answers.begin('t', 'k', 'r').kind, 'new')
    assert.equal(answers.begin('t', 'k', 'r').kind, 'busy')
    assert.equal(answers.begin('other', 'k', 'r').kind, 'new')
    answers.end('t', 'k', { done: true })
    assert.deepEqual(answers.begin('t', 'k', 'r'), { kind: 'known', answer: { done: true } })
    assert.equal(answers.begin('t', 'k', 'another').kind, 'other')
    await clock.advance(16 * 60_000)
    assert.equal(answers.begin('other', 'k', 'r').kind, 'new')
    assert.equal(answers.begin('t', 'k', 'r').kind, 'known')
    await clock.advance(25 * 3_600_000)
    assert.equal(answers.begin('t', 'k', 'r').kind, 'new')
  })
})

describe('the state of a server', () => {
  it('is its owner’s alone, and one of another format is refused', () => {
    const file = newFile()
    openServerState(file, manualClock()).close()
    assert.equal(statSync(path.dirname(file)).mode & 0o077, 0)
    // Also where its folder is not.
    const open = newFile()
    mkdirSync(path.dirname(open), { mode: 0o755 })
    const state = openServerState(open, manualClock())
    state.tokens.create(ci)
    for (const name of readdirSync(path.dirname(open))) assert.equal(statSync(path.join(open, '..', name)).mode & 0o077, 0, name)
    state.close()
    const db = new DatabaseSync(file)
    db.exec("UPDATE meta SET value = 'holdfast-server/2' WHERE key = 'format'")
    db.close()
    assert.throws(
      () => openServerState(file, manualClock()),
      (error) => isFault(error, 'unsupported'),
    )
  })
})
