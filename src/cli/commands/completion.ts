import { Argument, Command, type Option } from 'commander'

/** Prints completion scripts, made from the declared commands; they do not start blobcached. */
export function completionCommand(program: Command): Command {
  const shell = new Argument('<shell>', 'your shell').choices(Object.keys(SCRIPTS))
  return new Command('completion')
    .description('print a completion script for a shell')
    .addArgument(shell)
    .addHelpText('after', HELP)
    .action((name: keyof typeof SCRIPTS) => {
      process.stdout.write(SCRIPTS[name](program.name(), program.commands.map(wordsOf)))
    })
}

const HELP = `
Examples:
  echo 'source <(blobcached completion bash)' >> ~/.bashrc
  blobcached completion zsh > "\${fpath[1]}/_blobcached"
  blobcached completion fish > ~/.config/fish/completions/blobcached.fish`

const SCRIPTS = { bash, zsh, fish }

interface CommandWords {
  name: string
  description: string
  options: readonly Option[]
  /** The values that its argument can have; empty for files. */
  choices: readonly string[]
}

function wordsOf(command: Command): CommandWords {
  const [argument] = command.registeredArguments
  return {
    name: command.name(),
    description: command.description(),
    options: command.createHelp().visibleOptions(command),
    choices: argument?.argChoices ?? [],
  }
}

function bash(program: string, commands: readonly CommandWords[]): string {
  const names = commands.map(({ name }) => name).join(' ')
  const cases = commands.map(({ name, options, choices }) => {
    const flags = options.map(({ long }) => long).join(' ')
    return `    ${name}) flags='${flags}' choices='${choices.join(' ')}' ;;`
  })
  return `_${program}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} flags='--help --version' choices='${names}'
  COMPREPLY=()
  if ((COMP_CWORD > 1)); then
    flags='' choices=''
    case \${COMP_WORDS[1]} in
${indent(cases, 2)}
    esac
  fi
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [[ -n $choices ]]; then
    COMPREPLY=($(compgen -W "$choices" -- "$cur"))
  fi
}
complete -o bashdefault -o default -F _${program} ${program}
`
}

function zsh(program: string, commands: readonly CommandWords[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const described = (text: string) => text.replace(/[\\[\]:]/g, '\\$&')
  const names = commands.map(({ name, description }) => quoted(`${name}:${described(description)}`))
  const cases = commands.map(({ name, options, choices }) => {
    const flags = options.map(({ long, description, required }) =>
      quoted(`*${long}[${described(description)}]${required ? ':value:_files' : ''}`),
    )
    const rest = quoted(choices.length > 0 ? `*:value:(${choices.join(' ')})` : '*:file:_files')
    return `    ${name}) _arguments ${[...flags, rest].join(' ')} ;;`
  })
  return `#compdef ${program}
_${program}() {
  local -a commands=(${names.join(' ')})
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
${cases.join('\n')}
  esac
}
if [[ $funcstack[1] == _${program} ]]; then _${program} "$@"; else compdef _${program} ${program}; fi
`
}

function fish(program: string, commands: readonly CommandWords[]): string {
  const quoted = (text: string) => `'${text.replace(/['\\]/g, '\\$&')}'`
  const lines = commands.flatMap(({ name, description, options, choices }) => {
    const first = `complete -c ${program} -n __fish_use_subcommand -f -a ${name} -d ${quoted(description)}`
    const within = `complete -c ${program} -n '__fish_seen_subcommand_from ${name}'`
    const flags = options.map(({ long, short, description, required }) => {
      const letter = short === undefined ? '' : ` -s ${short.slice(1)}`
      const value = required ? ' -r' : ''
      return `${within} -l ${long?.slice(2)}${letter}${value} -d ${quoted(description)}`
    })
    const values = choices.length > 0 ? [`${within} -f -a ${quoted(choices.join(' '))}`] : []
    return [first, ...flags, ...values]
  })
  return `${lines.join('\n')}\n`
}

function indent(lines: readonly string[], spaces: number): string {
  return lines.map((line) => ' '.repeat(spaces) + line).join('\n')
}
