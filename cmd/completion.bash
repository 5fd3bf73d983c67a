# bash completion of davdisk
_davdisk() {
    # The characters of COMP_WORDBREAKS, such as the colon, end a word for bash
    # and not for davdisk: what no space separates belongs together.
    local rest=${COMP_LINE:0:COMP_POINT} word current trim quoted nospace='' i
    local -a words=()
    COMPREPLY=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i -gt 0 && $rest != [[:space:]]* ]]; then
            [[ $rest == "$word"* ]] || word=$rest
            words[-1]+=$word
        else
            rest=${rest#"${rest%%[![:space:]]*}"}
            [[ $rest == "$word"* ]] || word=$rest
            words+=("$word")
        fi
        rest=${rest#"$word"}
    done
    [[ ${#words[@]} -gt 1 ]] || return 0
    current=${words[-1]}
    trim=${current%"${current##*[:=]}"}
    [[ $current != [\"\']* ]] || trim=''
    [[ $trim != *=* || $COMP_WORDBREAKS == *=* ]] || trim=''
    [[ $trim != *:* || $COMP_WORDBREAKS == *:* ]] || trim=''
    while IFS= read -r word; do
        if [[ $word == :files ]]; then
            [[ $current != *[\$\`\\\"\'~*?[]* ]] || continue
            while IFS= read -r word; do
                [[ ! -d $word ]] || word+=/ nospace=1
                printf -v quoted %q "$word"
                COMPREPLY+=("${quoted#"$trim"}")
            done < <(compgen -f -- "$current")
            continue
        fi
        word=${word%%$'\t'*}
        [[ $word != *[/:=] ]] || nospace=1
        quoted=${word#"$trim"}
        [[ $current == [\"\']* ]] || printf -v quoted %q "$quoted"
        COMPREPLY+=("$quoted")
    done < <("${words[0]/#~\//$HOME/}" __complete bash "${words[@]:1}" 2>/dev/null </dev/null)
    [[ -z $nospace ]] || compopt -o nospace 2>/dev/null
    return 0
}
complete -o default -F _davdisk davdisk
