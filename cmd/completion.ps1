# PowerShell completion of davdisk
Register-ArgumentCompleter -Native -CommandName davdisk, davdisk.exe -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object {
        if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value } else { $_.Extent.Text }
    })
    $program = $words[0]
    $words = @($words | Select-Object -Skip 1 | Where-Object { $_ -ne '' })
    $before = [Console]::OutputEncoding
    [Console]::OutputEncoding = [System.Text.UTF8Encoding]::new($false)
    try {
        # PowerShell drops an empty argument, so the last word is marked.
        $answer = @(& $program __complete powershell @words ('word=' + $wordToComplete.Trim("'", '"')) 2>$null)
    } finally {
        [Console]::OutputEncoding = $before
    }
    foreach ($line in $answer) {
        if ($line -eq ':files') { continue }
        $word, $help = $line -split "`t", 2
        if (-not $help) { $help = $word }
        $text = $word
        if ($text -notmatch '^[\w\-./:=]+$') { $text = "'" + $text.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $word, 'ParameterValue', $help)
    }
}
