"""What a shell needs to be switched by `daypass use`, and to complete."""

from typing import Final

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class

# A program cannot change the environment of the shell it runs in: what it prints is evaluated.
# Help is printed, not evaluated.
_POSIX: Final = """\
daypass() {
  case " $* " in *" --help "*|*" -h "*) command daypass "$@"; return ;; esac
  if [ "$1" = use ]; then
    shift
    local code
    code="$(command daypass use --shell SHELL "$@")" || return
    eval "$code"
  else
    command daypass "$@"
  fi
}
"""
_FISH: Final = """\
function daypass --wraps daypass
  if test "$argv[1]" = use; and not contains -- --help $argv; and not contains -- -h $argv
    set -l code (command daypass use --shell fish $argv[2..-1] | string collect)
    or return
    eval $code
  else
    command daypass $argv
  end
end
"""
_POWERSHELL: Final = """\
function daypass {
  $exe = Get-Command -CommandType Application daypass | Select-Object -First 1
  $help = $args -contains '--help' -or $args -contains '-h'
  if ($args.Count -gt 0 -and $args[0] -eq 'use' -and -not $help) {
    $rest = @($args | Select-Object -Skip 1)
    $code = & $exe use --shell powershell @rest
    if ($LASTEXITCODE -eq 0) { Invoke-Expression ($code -join "`n") }
  } else {
    & $exe @args
  }
}
"""
FUNCTIONS: Final = {
    "bash": _POSIX.replace("SHELL", "bash"),
    "zsh": _POSIX.replace("SHELL", "zsh"),
    "fish": _FISH,
    "powershell": _POWERSHELL,
}


@add_completion_class
class PowerShellComplete(ShellComplete):
    """Completion in PowerShell, which hands over the words up to the cursor in a variable."""

    name = "powershell"
    source_template = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $line = $commandAst.ToString()
  if ($line.Length -lt $cursorPosition) { $line = $line.PadRight($cursorPosition) }
  $exe = Get-Command -CommandType Application %(prog_name)s | Select-Object -First 1
  $env:COMP_LINE = $line.Substring(0, [Math]::Min($cursorPosition, $line.Length))
  $env:%(complete_var)s = 'powershell_complete'
  try {
    & $exe | ForEach-Object {
      $value, $help = $_ -split "`t", 2
      if (-not $help) { $help = $value }
      [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
    }
  } finally {
    Remove-Item Env:COMP_LINE, Env:%(complete_var)s
  }
}
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        import os  # noqa: PLC0415 - only to complete

        words = os.environ.get("COMP_LINE", "").split(" ")
        return [word for word in words[1:-1] if word], words[-1]

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.value}\t{item.help}" if item.help else str(item.value)
