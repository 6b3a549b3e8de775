# SPDX-License-Identifier: Apache-2.0
# Completes the command line of wsdump in bash; does not need bash-completion.

_wsdump() {
    local options='--help --version --verbose --quiet
        --text --hex --file --ping --binary --chunks --delay --slash
        --raw --no-newline --json --bytes --timings
        --count --eof-wait --timeout --max-time --connect-timeout --close-timeout
        --ping-interval --ping-timeout --reconnect --max-size
        --header --headers --origin --no-origin --host --subprotocols --user --bearer --cookie
        --keep-cookies --max-redirects --deflate
        --proxy --no-proxy --ipv4 --ipv6
        --nocert --insecure --cacert --server-name --cert --key --key-password --keylog'
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}

    # bash splits --name=value into three words.
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $before in
        --bytes) mapfile -t COMPREPLY < <(compgen -W 'escaped hex base64' -- "$word") ;;
        --eof-wait) mapfile -t COMPREPLY < <(compgen -W forever -- "$word") ;;
        -p | --proxy)
            compopt -o nospace 2> /dev/null
            mapfile -t COMPREPLY < <(compgen -W 'http:// https:// socks4:// socks4a:// socks5:// socks5h://' -- "$word")
            ;;
        --file | --cacert | --cert | --key | --keylog)
            compopt -o filenames 2> /dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            ;;
        -[tcmHou] | --text | --hex | --delay | --count | --timeout | --max-time | --connect-timeout | --close-timeout | \
            --ping-interval | --ping-timeout | --max-size | --header | --headers | --origin | --host | --user | \
            --bearer | --cookie | --max-redirects | --server-name | --key-password)
            COMPREPLY=()
            ;;
        *)
            if [[ $word == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
            else
                compopt -o nospace 2> /dev/null
                mapfile -t COMPREPLY < <(compgen -W 'ws:// wss:// ws+unix://' -- "$word")
            fi
            ;;
    esac
}

complete -F _wsdump wsdump
