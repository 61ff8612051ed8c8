import { useState } from 'preact/hooks'
import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { Ago, Badge, Facts } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Empty, Failed, Waiting } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { bytesText, countText } from '../../parts/words.ts'
import { Action } from '../../shell/action.tsx'
import { hrefTo, place, setQuery } from '../../shell/place.ts'
import { Executed, RunNow } from '../jobs/of-command.tsx'
import { Sizes } from './sizes.tsx'

type Data = Answers['crossReferenceImages']
type Tag = Data['tags'][number]
type Image = Tag['images'][number]

/** Rows that are drawn at first. */
const atOnce = 100

export function Images() {
  const { data, trouble, again } = useAnswer('crossReferenceImages', '/images')
  return (
    <Page title="Images" actions={<RunNow command="images sync" label="Sync now" />}>
      {trouble?.status === 404 ? (
        <Empty command={'[images]\nrepo = "OWNER/NAME"\nworkflow = "build.yml"\nregistry = "registry.gitlab.com"'}>
          No images are configured. Add them to holdfast.toml.
        </Empty>
      ) : (
        <>
          {trouble !== undefined && (
            <Failed
              trouble={{
                ...trouble,
                hint: trouble.hint ?? 'GitHub and the registry are asked with the tokens of the environment that holdfast serve runs in',
              }}
              again={again}
            />
          )}
          {data !== undefined && <CrossReference data={data} />}
          {data === undefined && trouble === undefined && <Waiting />}
        </>
      )}
    </Page>
  )
}

function CrossReference({ data }: { readonly data: Data }) {
  const { repo, source, looked, tags, missing, extra, unusable, unread, notes } = data
  const sizes = useAnswer('measureImages', '/images/sizes')
  const sizeOf = new Map((sizes.data?.tags ?? []).map((each) => [`${each.repository}:${each.tag}`, each.bytes]))
  return (
    <>
      <Facts
        of={[
          repo === undefined ? undefined : ['Built by', repo],
          ['Tags are from', source],
          ['Runs looked at', <a href="#runs">{countText(looked)}</a>],
          [
            'Missing',
            missing === 0 ? (
              'none'
            ) : (
              <a href={hrefTo(['images'], { only: 'missing' })}>
                <Badge tone="warn">{countText(missing)}</Badge>
              </a>
            ),
          ],
          ['Extra', extra.length === 0 ? 'none' : <a href="#extra">{countText(extra.length)}</a>],
        ]}
      />
      {notes.length > 0 && (
        <ul class="attention filters">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <Section id="runs" title="Runs and their images" aside={<OnlyMissing />}>
        <Matrix tags={tags} sizeOf={sizeOf} />
      </Section>
      <Sizes of={sizes} />
      {extra.length > 0 && (
        <Section id="extra" title="Extra: in the registry, of no run that was looked at">
          <Table
            label="Extra tags"
            rows={extra}
            keyOf={({ repository, tag }) => `${repository}:${tag}`}
            columns={[
              { title: 'Repository', isWide: true, cell: ({ repository }) => repository },
              { title: 'Tag', isWide: true, cell: ({ tag }) => tag },
            ]}
          />
        </Section>
      )}
      <Executed command="images sync" title="Syncs" example="images sync --missing" />
      <Left title="Runs that have no images to use" rows={unusable} />
      <Left title="Runs that could not be read" rows={unread} />
    </>
  )
}

function OnlyMissing() {
  const isOnly = place.value.query.get('only') === 'missing'
  return (
    <button type="button" aria-pressed={isOnly} onClick={() => setQuery({ only: isOnly ? undefined : 'missing' })}>
      Only with something missing
    </button>
  )
}

/** Runs and tags down, families of images across. */
type SizeOf = ReadonlyMap<string, number>

function Matrix({ tags, sizeOf }: { readonly tags: readonly Tag[]; readonly sizeOf: SizeOf }) {
  const [shown, setShown] = useState(atOnce)
  const isOnly = place.value.query.get('only') === 'missing'
  const rows = tags.filter(({ images }) => !isOnly || images.some(({ present }) => !present))
  const families = [...new Set(tags.flatMap(({ images }) => images.map(({ family }) => family)))].toSorted()
  if (rows.length === 0) {
    if (isOnly) return <p class="fine">Nothing is missing.</p>
    return <Empty command="holdfast images sync --missing">No run of the workflow has images yet.</Empty>
  }
  const columns: Column<Tag>[] = [
    {
      title: 'Run',
      cell: ({ run }) => (
        <>
          <RunLink run={run} />
          <div class="faint">{run.branch}</div>
          <div class="faint">
            <Ago at={run.created} />
          </div>
        </>
      ),
    },
    {
      title: 'Tag',
      isWide: true,
      cell: ({ platform, tag }) => (
        <>
          <code>{tag}</code>
          <div class="faint">{platform}</div>
        </>
      ),
    },
    ...families.map((family): Column<Tag> => ({
      title: family,
      cell: ({ images }) => <Cell images={images.filter((each) => each.family === family)} sizeOf={sizeOf} />,
    })),
  ]
  return (
    <>
      <Table
        label="Runs and their images"
        columns={columns}
        rows={rows.slice(0, shown)}
        keyOf={({ run, platform, tag }) => `${run.id} ${platform} ${tag}`}
      />
      {rows.length > shown && (
        <p class="more">
          <span role="status">
            {countText(shown)} of {countText(rows.length)}
          </span>
          <button type="button" onClick={() => setShown(shown + atOnce)}>
            Show more
          </button>
        </p>
      )}
    </>
  )
}

/** Its address is what GitHub says: it leads to the web, or nowhere. */
function RunLink({ run: { url, number } }: Pick<Tag, 'run'>) {
  if (!/^https?:\/\//.test(url)) return <>#{number}</>
  return (
    <a href={url} target="_blank" rel="noreferrer" data-row="">
      #{number}
    </a>
  )
}

function Cell({ images, sizeOf }: { readonly images: readonly Image[]; readonly sizeOf: SizeOf }) {
  if (images.length === 0) return <span class="faint">–</span>
  return (
    <>
      {images.map(({ repository, tag, present }) => (
        <div key={`${repository}:${tag}`} class="image" title={`${repository}:${tag}`}>
          {present ? (
            <>
              <Badge tone="good">present</Badge>
              <span class="faint size">{sizeText(sizeOf.get(`${repository}:${tag}`))}</span>
              <Action
                label="Retag"
                title={`Retag ${repository}:${tag}`}
                name="image-retag"
                scope="images:retag"
                body={{ from: { repository, tag }, to: { repository } }}
                fields={[{ name: 'tag', into: 'to', label: 'The tag that it gets too', value: 'latest' }]}
              />
            </>
          ) : (
            <Badge tone="warn">missing</Badge>
          )}
        </div>
      ))}
    </>
  )
}

function sizeText(size: number | undefined): string {
  return size === undefined ? '' : bytesText(size)
}

type LeftRun = Data['unread'][number] & { readonly tag?: string }

function Left({ title, rows }: { readonly title: string; readonly rows: readonly LeftRun[] }) {
  if (rows.length === 0) return null
  return (
    <Section title={title}>
      <Table
        label={title}
        rows={rows}
        keyOf={({ run, tag }) => `${run.id} ${run.attempt} ${tag ?? ''}`}
        columns={[
          {
            title: 'Run',
            cell: ({ run }) => <RunLink run={run} />,
          },
          { title: 'Branch', cell: ({ run }) => run.branch },
          { title: 'Built', cell: ({ run }) => <Ago at={run.created} /> },
          { title: 'Why', isWide: true, cell: ({ reason }) => reason },
        ]}
      />
    </Section>
  )
}
