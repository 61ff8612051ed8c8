import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { testSeed } from '../../../test/fakes/seeded-random.ts'
import { keepSecret } from '../../kit/index.ts'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import type { Change, FailedUnit } from '../change.ts'
import { messageOf, noticeOf, testNotice } from './notice.ts'
import { slackBody } from './slack.ts'
import { type Target, wants } from './target.ts'
import { webhookBody, webhookHeaders, webhookKeys } from './webhook.ts'

const at = Date.UTC(2026, 0, 15, 14, 30)
const day = 86_400_000
const unit: FailedUnit = {
  id: 128,
  words: ['store', 'verify', '--read-data', '5%'],
  state: 'failed',
  attempt: 1,
  exit: 8,
  code: 'corrupt',
  message: 'bytes differ',
}

function change(more: Partial<Change> = {}): Change {
  return { id: 7, job: 'verify', firing: 3, kind: 'failure', at, exit: 8, since: at, failures: 1, failed: 1, units: [unit], ...more }
}

const later = change({ at: at + day, previous: at, failures: 4 })
const recovery = change({ kind: 'recovery', at: at + 2 * day, exit: 0, previous: at + day, failures: 4, failed: 0, units: [] })

function notice(of: Change, log: readonly string[] = []) {
  return noticeOf(of, { queue: 'q1', host: 'lab-3', log })
}

describe('a target', () => {
  const target: Target = {
    name: 'ops',
    on: ['failure', 'recovery'],
    logLines: 10,
    way: { kind: 'slack', url: { variable: 'SLACK_WEBHOOK_URL' } },
  }

  test('is told of the first failure and of the recovery, of its jobs alone, and of no failure between', () => {
    assert.deepEqual(
      [change(), later, recovery].map((each) => wants(target, each)),
      [true, false, true],
    )
    assert.equal(wants({ ...target, jobs: ['sync'] }, change()), false)
    assert.equal(wants({ ...target, jobs: ['sync', 'verify'] }, change()), true)
    assert.deepEqual(
      [change(), recovery].map((each) => wants({ ...target, on: ['failure'] }, each)),
      [true, false],
    )
    assert.deepEqual(
      [change(), recovery].map((each) => wants({ ...target, on: ['recovery'] }, each)),
      [false, true],
    )
  })

  test('is reminded once in so long, however often the job fails', () => {
    const hour = 3_600_000
    const reminding = { ...target, remind: day }
    const told = Array.from({ length: 72 }, (_hour, index) => index + 1).filter((hours) =>
      wants(reminding, change({ at: at + hours * hour, since: at, previous: at + (hours - 1) * hour, failures: hours + 1 })),
    )
    assert.deepEqual(told, [24, 48, 72])
    // A job that runs each week is told of each time.
    assert.equal(wants(reminding, change({ at: at + 7 * day, previous: at, failures: 2 })), true)
  })
})

describe('a notice', () => {
  test('says what failed, how, and what to do', () => {
    assert.deepEqual(messageOf(notice(change({ failed: 4 }), ['reads', 'error: bytes differ'])), {
      title: 'verify failed on lab-3',
      facts: ['exit status 8 at 2026-01-15 14:30:00 UTC', '#128 store verify --read-data 5%: failed: bytes differ', 'and 3 more'],
      log: { of: '#128', lines: ['reads', 'error: bytes differ'] },
      next: 'holdfast jobs log 128',
    })
    const dead = change({ units: [{ ...unit, state: 'dead', attempt: 5, message: undefined }] })
    assert.equal(messageOf(notice(dead)).facts[1], '#128 store verify --read-data 5%: dead after 5 tries: corrupt')
  })

  test('of a job that goes on failing says since when, and so does the recovery', () => {
    const { title, facts } = messageOf(notice(later))
    assert.equal(title, 'verify has been failing for 1d on lab-3')
    assert.equal(facts[0], 'exit status 8 at 2026-01-16 14:30:00 UTC; it failed 4 times in a row, since 2026-01-15 14:30:00 UTC')
    assert.deepEqual(messageOf(notice(recovery)), {
      title: 'verify has recovered on lab-3',
      facts: ['it ended well at 2026-01-17 14:30:00 UTC, after it had failed 4 times in a row, since 2026-01-15 14:30:00 UTC'],
      log: undefined,
      next: undefined,
    })
  })

  test('has an id of its own, the same each time, and the recovery knows that of the failure', () => {
    const [first, reminder, last] = [change(), later, recovery].map((each) => notice(each))
    assert.equal(new Set([first?.id, reminder?.id, last?.id]).size, 3)
    assert.equal(notice(change(), ['other']).id, first?.id)
    assert.deepEqual(
      [first, reminder, last].map((each) => each?.kind !== 'test' && each?.thread),
      [first?.id, first?.id, first?.id],
    )
    assert.notEqual(noticeOf(change(), { queue: 'q2', host: 'lab-3', log: [] }).id, first?.id)
    assert.match(first!.id, /^msg_[0-9a-f]{32}$/)
  })

  test('has no secret, no control character and no more than so much of a log', () => {
    keepSecret('hunter2-hunter2')
    const said = noticeOf(
      change({
        units: [{ ...unit, message: 'it says\u001b[31m hunter2-hunter2\r\nBcc: all@example.com', words: ['x', 'hunter2-hunter2'] }],
      }),
      { queue: 'q1', host: 'lab-3', log: ['Bearer abcdefghijkl', ...Array.from({ length: 40 }, () => 'x'.repeat(5000))] },
    )
    const text = JSON.stringify(said)
    assert.doesNotMatch(text, /hunter2|abcdefghijkl|\\u001b|\\r|\\n/)
    assert.ok(text.length < 9000, `${text.length}`)
  })
})

describe('the event of a webhook', () => {
  test('is what docs/formats.md says', () => {
    assert.deepEqual(JSON.parse(webhookBody(notice(change(), ['line']))), {
      type: 'job.failed',
      timestamp: '2026-01-15T14:30:00.000Z',
      data: {
        host: 'lab-3',
        job: 'verify',
        firing: 3,
        exit: 8,
        since: '2026-01-15T14:30:00.000Z',
        failures: 1,
        failed: 1,
        units: [
          {
            id: 128,
            command: 'store verify --read-data 5%',
            state: 'failed',
            attempt: 1,
            exit: 8,
            code: 'corrupt',
            message: 'bytes differ',
          },
        ],
        log: ['line'],
      },
    })
    const types = [later, recovery].map((each) => (JSON.parse(webhookBody(notice(each))) as { type: string }).type)
    assert.deepEqual(types, ['job.failing', 'job.recovered'])
    assert.deepEqual(JSON.parse(webhookBody(testNotice('lab-3', at, 'salt'))), {
      type: 'notification.test',
      timestamp: '2026-01-15T14:30:00.000Z',
      data: { host: 'lab-3' },
    })
  })

  test('is never larger than the 20 KB that the standard recommends', () => {
    const long = { ...unit, words: Array.from({ length: 100 }, () => 'w'.repeat(100)), message: '\u00e9'.repeat(10_000) }
    const body = webhookBody(
      notice(
        change({ units: Array.from({ length: 5 }, () => long) }),
        Array.from({ length: 50 }, () => '\u20ac'.repeat(900)),
      ),
    )
    assert.ok(Buffer.byteLength(body) < 20_480, `${Buffer.byteLength(body)}`)
  })

  test('is signed as Standard Webhooks says', () => {
    const [key] = webhookKeys('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'SECRET')
    const clock = { now: () => 1_614_265_330_999 }
    assert.deepEqual(webhookHeaders('msg_p5jXN8AQM9LWM0D4loKWxJek', '{"test": 2432232314}', [key!], clock), {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
    const other = Buffer.alloc(32, 7)
    const both = webhookKeys(` whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_${other.toString('base64')}\n`, 'SECRET')
    const signed = createHmac('sha256', other).update('a.1614265330.b').digest('base64')
    assert.match(webhookHeaders('a', 'b', both, clock)['webhook-signature']!, /^v1,\S+ v1,\S+$/)
    assert.ok(webhookHeaders('a', 'b', both, clock)['webhook-signature']!.endsWith(` v1,${signed}`))
    assert.equal(webhookHeaders('a', 'b', [], clock)['webhook-signature'], undefined)
  })

  test('is not signed with a secret that could be guessed', async () => {
    for (const secret of ['correct-horse', 'whsec_c2hvcnQ=', `whsec_${'A'.repeat(200)}`, 'whsec_!!!!MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'])
      await faultOf(
        Promise.resolve().then(() => webhookKeys(secret, 'HOOK_SECRET')),
        'invalid',
        /^what HOOK_SECRET holds is no key/,
      )
  })
})

describe('the text for Slack', () => {
  const textOf = (of: Change, log?: string[]) => (JSON.parse(slackBody(notice(of, log))) as { text: string }).text

  test('has the title in bold, the log as code, and what to do', () => {
    assert.equal(
      textOf(change(), ['one', 'two']),
      '*verify failed on lab-3*\nexit status 8 at 2026-01-15 14:30:00 UTC\n#128 store verify --read-data 5%: failed: bytes differ\n' +
        'the last that #128 said:\n```\none\ntwo\n```\n`holdfast jobs log 128`',
    )
  })

  test(`calls nobody, breaks out of nothing and is never longer than Slack asks for (seed ${testSeed})`, () => {
    const hostile = fc.array(
      fc.oneof(
        fc.constantFrom('<!channel>', '<@U123>', '@here', '@everyone', '```', '&', '>', '<https://evil.example|ok>', '\n', '\u2028'),
        fc.string(),
      ),
      { maxLength: 400 },
    )
    fc.assert(
      fc.property(hostile, hostile, (message, log) => {
        const text = textOf(change({ units: [{ ...unit, message: message.join('') }] }), log)
        assert.ok(text.length <= 4000, `${text.length}`)
        assert.doesNotMatch(text, /<|>|@(?:here|everyone|channel|all)|&(?!amp;|lt;|gt;)/)
        assert.equal(text.split('```').length % 2, 1)
        assert.ok(text.endsWith('`holdfast jobs log 128`'))
      }),
      { seed: testSeed, numRuns: 300 },
    )
  })
})
