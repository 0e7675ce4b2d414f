# Completion of sesform for fish:  sesform completion fish | source
function __sesform_complete
    set -l program (commandline -op)[1]
    set -l lines ($program completion fish --line (commandline -cp | string collect) 2>/dev/null)
    if test "$lines[1]" = files
        set -l option (string match --regex '^--[a-z-]+=' -- (commandline -ct))
        __fish_complete_path (string replace -- "$option" '' (commandline -ct)) | string replace --regex '^' -- "$option"
    else
        printf '%s\n' $lines[2..-1]
    end
end
complete --command sesform --no-files --arguments '(__sesform_complete)'
