#!/usr/bin/env node
/** @file The command line. Parses arguments and prints; what a command does lives in the file of its name. */
import { Command, InvalidArgumentError, Option } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import { type ConnectOptions, connect, STATE_DIR_DEFAULT } from './client.ts'
import { Failure, sentenceOf } from './failure.ts'

const integer = (low: number, high: number) => (text: string) => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < low || value > high)
    throw new InvalidArgumentError(`Expected a whole number from ${low} to ${high}.`)
  return value
}

const program = new Command('aisle')
  .description('Search and recommendation for online shops, at the edge.')
  .version(packageJson.version)
  .showHelpAfterError('(add --help for the options)')

/** Options of every command that talks to a running Aisle. */
const remote = (command: Command) =>
  command
    .option('--url <url>', 'address of Aisle (default: the one that "aisle start" runs)')
    .option('--key <key>', 'API key (default: AISLE_KEY, then the state folder)')
    .option('--state <dir>', 'state folder of "aisle start"', STATE_DIR_DEFAULT)
    .option('--json', 'print one JSON object')

type Remote = ConnectOptions & { json?: boolean }
const print = <T>(value: T, json: boolean | undefined, render: (value: T) => string) =>
  console.log(json ? JSON.stringify(value) : render(value))

program
  .command('start')
  .description('run everything locally: edge, queue, DynamoDB, worker and a sample shop')
  .option('--state <dir>', 'folder for all state', STATE_DIR_DEFAULT)
  .option('--port <n>', 'port of the edge (default: 8787, or the next free one)', integer(0, 65_535))
  .option('--catalog <file>', 'import this catalogue instead of the sample shop')
  .option('--map <file>', 'field map of the catalogue')
  .option('--workers <n>', 'GPU-worker processes', integer(0, 16), 1)
  .option('--no-sample', 'start empty')
  .action(async (options) => {
    if (Boolean(options.catalog) !== Boolean(options.map))
      throw new Failure('--catalog and --map belong together: give both or neither.')
    const { start } = await import('./start.ts')
    await start(options)
    process.exit(0)
  })

remote(program.command('import'))
  .description('import a catalogue: NDJSON, JSON array, CSV or TSV, plain or .gz')
  .argument('<file>', 'catalogue file')
  .requiredOption('--map <file>', 'field map: how the columns become item fields')
  .option('--wait', 'return when every accepted item is searchable')
  .action(async (file: string, options: Remote & { map: string; wait?: boolean }) => {
    const { importFile, readFieldMap } = await import('./import.ts')
    const outcome = await importFile(connect(options), file, readFieldMap(options.map), {
      wait: options.wait ?? false,
      quiet: options.json ?? false,
    })
    print(outcome, options.json, (o) =>
      [
        `${o.received} received: ${o.accepted} accepted (${o.duplicates} duplicates), ${o.quarantined} in quarantine;`,
        `${o.searchable} searchable after ${o.seconds} s.`,
      ].join(' '),
    )
  })

remote(program.command('search'))
  .description('search the catalogue')
  .argument('<query>')
  .option('--limit <n>', 'results', integer(1, 100), 10)
  .option('--filter <text>', `e.g. 'price<100 AND brand="HP" AND inStock'`)
  .addOption(new Option('--mode <mode>', 'how to match').choices(['hybrid', 'lexical', 'vector']))
  .action(async (text: string, options: Remote & { limit: number; filter?: string; mode?: string }) => {
    const { renderHits, search } = await import('./ask.ts')
    print(await search(connect(options, 'public'), text, options), options.json, renderHits)
  })

remote(program.command('recommend'))
  .description('recommend items to a shopper')
  .requiredOption('--user <id>', 'the shopper, as your shop names them')
  .option('--item <id>', 'the item being looked at')
  .option('--limit <n>', 'results', integer(1, 100), 10)
  .action(async (options: Remote & { user: string; item?: string; limit: number }) => {
    const { recommend, renderHits } = await import('./ask.ts')
    const reply = await recommend(connect(options, 'public'), options.user, options.limit, options.item)
    print(reply, options.json, renderHits)
  })

remote(program.command('similar'))
  .description('items similar to one')
  .argument('<item>', 'item id')
  .option('--limit <n>', 'results', integer(1, 100), 10)
  .action(async (itemId: string, options: Remote & { limit: number }) => {
    const { renderHits, similar } = await import('./ask.ts')
    print(await similar(connect(options, 'public'), itemId, options.limit), options.json, renderHits)
  })

remote(program.command('status'))
  .description('items, index, model and queue')
  .action(async (options: Remote) => {
    const { renderStatus, status } = await import('./ask.ts')
    print(await status(connect(options)), options.json, renderStatus)
  })

const evaluate = program.command('eval').description('measure quality on your own data')
evaluate
  .command('search')
  .description(
    'with --queries: answer them and write a TREC run (qid Q0 docid rank score tag); with --judgments: nDCG, recall and MRR',
  )
  .requiredOption('--catalog <file>', 'catalogue file')
  .option('--map <file>', 'field map of the catalogue (default with --judgments: the usual column names)')
  .option('--queries <file>', 'lines of qid<TAB>text')
  .option('--out <file>', 'where the run goes')
  .option('--judgments <file>', 'CSV or NDJSON of query, item and relevance')
  .option('--model <dir>', 'model folder, or "none" for words alone (default: the shipped model)')
  .option('--relevant-from <n>', 'relevance from which an item is an answer', Number)
  .addOption(
    new Option('--mode <mode>', 'how to match').choices(['hybrid', 'lexical', 'vector']).default('hybrid'),
  )
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const quiet = options.json ?? false
    if (options.judgments) {
      const { evalJudged, renderQuality } = await import('./eval-judged.ts')
      print(await evalJudged({ ...options, quiet }), options.json, renderQuality)
    } else {
      if (!options.queries || !options.out || !options.map)
        throw new Failure('Give --queries, --map and --out for a run, or --judgments for figures.')
      const { evalSearch } = await import('./eval-search.ts')
      const outcome = await evalSearch({ ...options, quiet })
      print(outcome, options.json, (o) => `${o.results} results for ${o.queries} queries in ${o.out}`)
    }
    process.exit(0)
  })

evaluate
  .command('rerank')
  .description(
    'score (query, title) pairs by a model that "aisle train --recipe search" taught on graded judgments',
  )
  .requiredOption(
    '--pairs <file>',
    'CSV, TSV or NDJSON of id, query and title; a relevance is only compared with',
  )
  .requiredOption('--out <file>', 'where the scores go, as CSV of id and score')
  .requiredOption('--model <dir>', 'model folder')
  .option('--threads <n>', 'CPU threads (default: all)', integer(1, 256))
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { evalRerank, renderRerank } = await import('./eval-rerank.ts')
    print(await evalRerank(options), options.json, renderRerank)
    process.exit(0)
  })

program
  .command('train')
  .description('train or tune a model on your own files; the same command goes on where a run was stopped')
  .requiredOption(
    '--recipe <name or file>',
    'pretrain, search, co-purchase, classify-category, distil-query-encoder, or a JSON file',
  )
  .requiredOption('--catalog <file...>', 'catalogue files; "sample" is the generated shop')
  .option('--map <file...>', 'their field maps, in order (default: the usual column names)')
  .option('--judgments <file>', 'CSV or NDJSON of query, item and relevance')
  .option('--baskets <file>', 'lines of "basket item item …", for co-purchase')
  .option('--queries <file>', 'lines of queries without answers, for pretrain and distil-query-encoder')
  .option('--base <dir>', 'model folder to start from (default: the shipped model; pretrain needs none)')
  .requiredOption('--out <dir>', 'folder of the model, the state to resume from, and the journal')
  .option('--threads <n>', 'CPU threads (default: all)', integer(1, 256))
  .addOption(
    new Option('--provider <provider>', 'where to compute the steps')
      .choices(['auto', 'cpu', 'cuda', 'webgpu'])
      .default('cpu'),
  )
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { renderTuned, trainModel } = await import('./train.ts')
    const outcome = await trainModel({ ...options, quiet: options.json ?? false })
    print(outcome, options.json, (o) =>
      [
        ...(o.tuned ? [renderTuned(o.tuned), ''] : []),
        `Trained in ${o.seconds} s; the model is in ${o.out}.`,
        ...Object.entries(o.metrics).map(([name, value]) => `  ${name}: ${value}`),
      ].join('\n'),
    )
    process.exit(0)
  })

program
  .command('compress')
  .description('make a model smaller without training: fewer layers, fewer tokens, 16-bit storage')
  .requiredOption('--model <dir>', 'model folder')
  .requiredOption('--out <dir>', 'folder of the smaller model')
  .option('--layers <n>', 'layers to keep, the first ones', integer(1, 96))
  .option(
    '--vocabulary <n>',
    'tokens to keep: the single characters, and those most used on --texts',
    integer(1, 1_000_000),
  )
  .option('--texts <file>', 'lines of texts or queries as they will be encoded, plain or .gz')
  .addOption(
    new Option('--storage <format>', 'of the weights in the file').choices(['f32', 'f16']).default('f32'),
  )
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { compress, renderCompression } = await import('./compress.ts')
    print(await compress(options), options.json, renderCompression)
  })

program
  .command('apply-delta')
  .description('make a model of a base and of what was tuned on it, kept alone as delta.safetensors')
  .requiredOption('--base <dir>', 'model folder that was tuned')
  .requiredOption('--delta <file>', 'delta.safetensors, as "aisle train" leaves it beside its model')
  .requiredOption('--out <dir>', 'folder of the model')
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { applyDeltaFile, renderAppliedDelta } = await import('./apply-delta.ts')
    print(await applyDeltaFile(options), options.json, renderAppliedDelta)
  })

program
  .command('match')
  .description('find the records of two tables, or of one, that are the same thing; or judge given pairs')
  .option('--left <file>', 'table, in a format that "aisle import" reads')
  .option('--right <file>', 'table to link it to')
  .option('--self', 'look for duplicates within --left')
  .option('--id <column>', 'column of the ids (default: the one that looks like it)')
  .option('--pairs <file>', 'pairs to judge, lines of left<TAB>right, records as "COL name VAL value …"')
  .option(
    '--train <file>',
    'labelled pairs to learn from: as --pairs with <TAB>label; for tables a CSV of two ids and maybe a label',
  )
  .option('--valid <file>', 'more of them, for --pairs')
  .option('--candidates <file>', 'where the pairs of tables that were compared go, as CSV')
  .requiredOption(
    '--out <file>',
    'matches as CSV of left_id, right_id and score; of --pairs a line of score<TAB>decision for each',
  )
  .option('--json', 'print one JSON object')
  .action(async (options) => {
    const { match, renderMatch } = await import('./match.ts')
    print(await match({ ...options, quiet: options.json ?? false }), options.json, renderMatch)
  })

program
  .command('keys')
  .description('API keys')
  .command('create')
  .description('make a key and the SQL row that a deployment needs to know it')
  .addOption(new Option('--scope <scope>').choices(['public', 'secret']).default('public'))
  .option('--expires-days <n>', 'days until it expires (default: never)', integer(1, 3_650))
  .option('--json', 'print one JSON object')
  .action(async (options: { scope: 'public' | 'secret'; expiresDays?: number; json?: boolean }) => {
    const { createKey } = await import('./keys.ts')
    print(await createKey(options.scope, options.expiresDays, Date.now()), options.json, ({ key, sql }) =>
      [`key  ${key}`, `run  npx wrangler d1 execute aisle --remote --command "${sql}"`].join('\n'),
    )
  })

try {
  await program.parseAsync()
} catch (error) {
  console.error(`aisle: ${sentenceOf(error)}`)
  process.exit(1)
}
