// The health of the container's process: of a server, what /healthz answers; of all else, that it is there.
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { get as getSecure } from 'node:https'

const url = process.env.HEALTHCHECK_URL || 'http://127.0.0.1:8080/healthz'
const words = readFileSync(process.env.HEALTHCHECK_CMDLINE || '/proc/1/cmdline', 'utf8').split('\0')

if (words.includes('serve')) ask()

function ask() {
  // On this machine alone the name of the certificate is another.
  const asked = (url.startsWith('https:') ? getSecure : get)(url, { timeout: 4000, rejectUnauthorized: false }, (answer) => {
    answer.resume()
    if (answer.statusCode !== 200) fail(`${url} answers ${answer.statusCode}`)
  })
  asked.on('timeout', () => asked.destroy(new Error('no answer within 4 seconds')))
  asked.on('error', (error) => fail(`${url}: ${error.message}`))
}

function fail(why) {
  console.error(why)
  process.exitCode = 1
}
