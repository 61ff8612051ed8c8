import { useAnswer, usePages } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { withQuery } from '../../api/client.ts'
import { Ago, Badge, Digest, Size } from '../../parts/facts.tsx'
import { Page } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { type Column, PagedTable } from '../../parts/table.tsx'
import { Tree } from '../../parts/tree.tsx'
import { countText, shortDigest } from '../../parts/words.ts'
import { hrefTo, place, setQuery } from '../../shell/place.ts'

type Snapshot = Answers['listSnapshots']['items'][number]

const trail = [['Store', hrefTo(['store'])]] as const

export function Snapshots() {
  const { a, host, tag } = Object.fromEntries(place.value.query)
  const pages = usePages('listSnapshots', '/snapshots', { host, tag })
  const columns: Column<Snapshot>[] = [
    { title: 'Snapshot', cell: ({ id }) => <Digest digest={id} /> },
    {
      title: 'Of',
      isWide: true,
      cell: ({ base, paths, tags, pinned, message }) => (
        <span title={message}>
          {paths.map((path) => (path === '.' ? base : `${base}/${path}`)).join(', ')} {pinned && <Badge>pinned</Badge>}
          {tags.map((each) => (
            <Badge key={each}>{each}</Badge>
          ))}
        </span>
      ),
    },
    { title: 'Machine', cell: (row) => <a href={hrefTo(['store', 'snapshots'], { host: row.host })}>{row.host}</a> },
    { title: 'Files', isNumber: true, cell: ({ files }) => countText(files) },
    { title: 'Size', isNumber: true, cell: ({ size }) => <Size bytes={size} /> },
    { title: 'Made', cell: ({ created }) => <Ago at={created} /> },
    {
      title: 'Problems',
      isNumber: true,
      cell: ({ problems }) => (problems === 0 ? <span class="faint">–</span> : <Badge tone="warn">{countText(problems)}</Badge>),
    },
    {
      title: '',
      cell: ({ id }) =>
        a === undefined || a === id ? (
          <button type="button" class="quiet" aria-pressed={a === id} onClick={() => setQuery({ a: a === undefined ? id : undefined })}>
            Compare
          </button>
        ) : (
          <a class="button" href={hrefTo(['store', 'snapshots', 'diff'], { a, b: id })} data-row="">
            with {shortDigest(a)}
          </a>
        ),
    },
  ]
  return (
    <Page title="Snapshots" trail={trail}>
      <PagedTable
        label="Snapshots"
        pages={pages}
        columns={columns}
        keyOf={({ name, id }) => `${name} ${id}`}
        isMarked={({ id }) => id === a}
        empty={<Empty command="holdfast snapshot create FOLDER">There is no snapshot of a directory tree yet.</Empty>}
      />
    </Page>
  )
}

export function SnapshotDifference() {
  const { a = '', b = '' } = Object.fromEntries(place.value.query)
  const answer = useAnswer('compareSnapshots', withQuery('/snapshots/diff', { a, b }))
  return (
    <Page title={`${shortDigest(a)} and ${shortDigest(b)}`} trail={[...trail, ['Snapshots', hrefTo(['store', 'snapshots'])]]}>
      <Shown of={answer}>
        {({ differences, isCut }) =>
          differences.length === 0 ? (
            <p class="fine">Both are the same.</p>
          ) : (
            <>
              {isCut && <p class="faint note">Only the first {countText(differences.length)} paths.</p>}
              <Tree
                leaves={differences.map(({ path, change, kind, aspects }) => ({ path, change, text: [kind, ...aspects].join(', ') }))}
              />
            </>
          )
        }
      </Shown>
    </Page>
  )
}
