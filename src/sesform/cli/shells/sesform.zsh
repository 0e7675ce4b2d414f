#compdef sesform
# Completion of sesform for zsh, after compinit:  eval "$(sesform completion zsh)"
_sesform() {
  local line value
  local -a output whole partial
  output=("${(@f)$(${(Q)~words[1]} completion zsh --line "${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)}")
  if [[ $output[1] == files ]]; then
    compset -P '--[a-z-]##='
    _files
    return
  fi
  for line in "${(@)output[2,-1]}"; do
    value=${${line%%$'\t'*}//:/\\:}
    [[ $value == */ ]] && partial+=("$value") || whole+=("$value:${line#*$'\t'}")
  done
  local found=1
  (( $#partial )) && _describe 'address' partial -S '' && found=0
  (( $#whole )) && _describe 'value' whole && found=0
  return found
}
compdef _sesform sesform
