import { type Message, messageOf, type Notice } from './notice.ts'

/** Of a message's text: Slack cuts at 40,000 characters and asks for no more than 4,000. */
const longestText = 3800

/** The payload of an incoming webhook, which Mattermost, Rocket.Chat and others take too: `text` alone is what all of them know. */
export function slackBody(notice: Notice): string {
  return JSON.stringify({ text: slackText(messageOf(notice)) })
}

function slackText({ title, facts, log, next }: Message): string {
  const head = [`*${escaped(title)}*`, ...facts.map(escaped)].join('\n')
  const end = next === undefined ? '' : `\n\`${escaped(next)}\``
  const short = head.length + end.length > longestText ? `${cutEscaped(head, longestText - end.length - 1)}…` : head
  const room = longestText - short.length - end.length
  const lines: string[] = []
  let length = 100
  for (const line of (log?.lines ?? []).toReversed().map(escaped)) {
    length += line.length + 1
    if (length > room) break
    lines.unshift(line)
  }
  const said = log === undefined || lines.length === 0 ? '' : `\nthe last that ${log.of} said:\n\`\`\`\n${lines.join('\n')}\n\`\`\``
  return `${short}${said}${end}`
}

/** What is a sign to Slack (https://docs.slack.dev/messaging/formatting-message-text/), and what calls people together elsewhere. */
function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('`', "'")
    .replaceAll(/@(?=\w)/g, '@\u2060')
}

/** Not in the middle of an escape. */
function cutEscaped(text: string, length: number): string {
  return text
    .slice(0, length)
    .replace(/&[a-z]{0,3}$/, '')
    .toWellFormed()
}
