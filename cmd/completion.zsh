#compdef davdisk
# zsh completion of davdisk
_davdisk() {
    local line word files
    local -a answer done_words done_help open_words open_help
    answer=("${(@f)$("${(Q)words[1]/#\~\//$HOME/}" __complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)}")
    for line in "${answer[@]}"; do
        [[ -n $line ]] || continue
        if [[ $line == :files ]]; then
            files=1
            continue
        fi
        word=${line%%$'\t'*}
        [[ $line != *$'\t'* ]] || line="$word -- ${line#*$'\t'}"
        if [[ $word == *[/:=] ]]; then
            open_words+=("$word") open_help+=("$line")
        else
            done_words+=("$word") done_help+=("$line")
        fi
    done
    compadd -S '' -l -d open_help -a open_words
    compadd -l -d done_help -a done_words
    [[ -z $files ]] || _files
    return 0
}
if [[ $funcstack[1] == _davdisk ]]; then
    _davdisk "$@"
elif (( $+functions[compdef] )); then
    compdef _davdisk davdisk
fi
