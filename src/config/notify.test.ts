import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { faultOf } from '../../test/fakes/fault-of.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { type Config, loadConfig } from './index.ts'

const scratch = scratchDirectory()
const job = '[[job]]\nrun = "store stats"\nname = "stats"\nevery = "1h"\n'

async function load(text: string, env: Record<string, string> = {}): Promise<Config> {
  const cwd = mkdtempSync(path.join(scratch, 'notify-'))
  writeFileSync(path.join(cwd, 'holdfast.toml'), `${job}${text}`)
  return await loadConfig({ cwd, env })
}

const mail = 'kind = "email"\nsmtp = "smtp://mail.example.com"\nfrom = "holdfast@example.com"\nto = ["ann@example.com", "bo@example.com"]\n'

describe('[[notify]]', () => {
  test('says who is told of what, and how; secrets by the variables that hold them', async () => {
    const { notify } = await load(`
[[notify]]
kind = "slack"
url_env = "SLACK_WEBHOOK_URL"
[[notify]]
kind = "webhook"
name = "ops"
url = "https://ops.example.com/hooks"
secret_env = "OPS_SECRET"
jobs = ["stats"]
on = ["failure"]
remind = "1d"
log_lines = 0
[[notify]]
${mail}username = "holdfast"
password_env = "SMTP_PASSWORD"
`)
    const both = ['failure', 'recovery']
    assert.deepEqual(JSON.parse(JSON.stringify(notify)), [
      { name: 'slack', on: both, logLines: 10, way: { kind: 'slack', url: { variable: 'SLACK_WEBHOOK_URL' } } },
      {
        name: 'ops',
        jobs: ['stats'],
        on: ['failure'],
        remind: 86_400_000,
        logLines: 0,
        way: { kind: 'webhook', url: { text: 'https://ops.example.com/hooks' }, secretVariable: 'OPS_SECRET' },
      },
      {
        name: 'email',
        on: both,
        logLines: 10,
        way: {
          kind: 'email',
          mail: {
            host: 'mail.example.com',
            port: 587,
            security: 'starttls',
            login: { user: 'holdfast', passwordVariable: 'SMTP_PASSWORD' },
            from: 'holdfast@example.com',
            to: ['ann@example.com', 'bo@example.com'],
          },
        },
      },
    ])
  })

  test('knows the ports of mail, and that TLS is left out only where that is said', async () => {
    const reached = async (smtp: string, more = '') => {
      const [target] = (await load(`[[notify]]\n${mail.replace('smtp://mail.example.com', smtp)}${more}`)).notify
      return target?.way.kind === 'email' ? [target.way.mail.host, target.way.mail.port, target.way.mail.security] : []
    }
    assert.deepEqual(await reached('smtps://mail.example.com'), ['mail.example.com', 465, 'tls'])
    assert.deepEqual(await reached('smtp://[::1]:2525/'), ['::1', 2525, 'starttls'])
    assert.deepEqual(await reached('smtp://localhost', 'insecure = true\n'), ['localhost', 25, 'none'])
  })

  test('may name variables that begin like those of the configuration', async () => {
    const { notes } = await load('[[notify]]\nkind = "slack"\nurl_env = "HOLDFAST_SLACK"\n', {
      HOLDFAST_SLACK: 'https://x',
      HOLDFAST_SLAK: 'y',
    })
    assert.deepEqual(
      notes.map((note) => note.split(' ')[0]),
      ['HOLDFAST_SLAK'],
    )
  })

  const wrong: [string, string, RegExp][] = [
    [
      'an address of Slack in the file',
      'kind = "slack"\nurl = "https://hooks.slack.com/services/a/b/c"',
      /holdfast\.toml:7:7: notify\[0\]\.url: .*`url_env`/,
    ],
    ['no address', 'kind = "slack"', /notify\[0\]\.kind: a slack needs `url_env`/],
    ['two addresses', 'kind = "webhook"\nurl = "https://x.example"\nurl_env = "URL"', /notify\[0\]\.url_env: expected one of/],
    ['a password in an address', 'kind = "webhook"\nurl = "https://ann:pw@x.example"', /without user name and password/],
    ['a key of another kind', `${mail}secret_env = "X"`, /notify\[0\]\.secret_env: it means nothing to email/],
    ['a job that is not there', `${mail}jobs = ["stat"]`, /notify\[0\]\.jobs: there is no job "stat"; expected some of: stats/],
    ['a name twice', `${mail}[[notify]]\n${mail}`, /notify\[1\]\.name: "email" is the name of another one too/],
    ['a user without a password', `${mail}username = "x"`, /expected both `username` and `password_env`/],
    [
      'a password without TLS',
      `${mail}username = "x"\npassword_env = "P"\ninsecure = true`,
      /notify\[0\]\.insecure: a password is never sent without TLS/,
    ],
    ['a mail without its addresses', 'kind = "email"\nsmtp = "smtp://x"', /needs `from`[^]*needs `to`/],
    ['an address with another header', mail.replace('ann@example.com', 'ann@example.com\\r\\nBcc: x@example.com'), /an address such as/],
    ['a mail server with a password', mail.replace('smtp://', 'smtp://ann:pw@'), /without user name and password/],
    ['reminders of nothing', `${mail}on = ["recovery"]\nremind = "1d"`, /notify\[0\]\.remind: it means nothing/],
    ['to be told nothing', `${mail}on = []`, /expected "failure", "recovery" or both/],
    ['more of a log than fits', `${mail}log_lines = 51`, /at most 50/],
  ]
  for (const [what, text, says] of wrong)
    test(`refuses ${what}`, async () => void (await faultOf(load(`[[notify]]\n${text}\n`), 'invalid', says)))
})
