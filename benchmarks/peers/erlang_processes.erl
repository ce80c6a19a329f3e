%% Erlang's part of the workloads: one command a line in, one line of JSON out.
%% What receives lives on the node that the environment names in PEER, or else here.
-module(erlang_processes).
-export([main/0, count/1, echo/0, idle/0]).

-define(TEXT, <<"temperature-sensor-001">>).

main() ->
    case io:get_line("") of
        eof -> halt();
        Line ->
            [Name | Numbers] = string:lexemes(string:trim(Line), " "),
            Figures = command(Name, [list_to_integer(Number) || Number <- Numbers]),
            Fields = [io_lib:format("\"~s\": ~w", [Key, float(Value)]) || {Key, Value} <- Figures],
            io:format("{~s}~n", [lists:join(", ", Fields)]),
            main()
    end.

command("tell", [Count]) ->
    To = spawn(place(), ?MODULE, count, [0]),
    Begin = now_ns(),
    tell(To, 0, Count),
    To ! {expect, Count, self()},
    receive {handled, Count} -> ok end,
    [{rate, Count / seconds(Begin)}];
command("ask", [Count]) ->
    To = spawn(place(), ?MODULE, echo, []),
    Ask = fun(Number) -> ask(To, {Number, ?TEXT}) end,
    Figures = [{sequential, at_once(Count, 1, Ask)}, {'100 outstanding', at_once(Count, 100, Ask)}],
    To ! stop,
    Figures;
command("ask_far", [Count]) ->
    To = spawn(place(), ?MODULE, echo, []),
    Ask = fun(Number) -> ask(To, {Number, ?TEXT}) end,
    Latencies = lists:sort([latency(Ask, Number) || Number <- lists:seq(1, Count)]),
    At = fun(Percent) -> lists:nth(Count * Percent div 100 + 1, Latencies) / 1.0e3 end,
    Figures = [{p50, At(50)}, {p99, At(99)}, {rate, at_once(Count * 100, 100, Ask)}],
    To ! stop,
    Figures;
command("blobs", [Count, Bytes, Outstanding]) ->
    To = spawn(place(), ?MODULE, echo, []),
    Blob = rand:bytes(Bytes),
    Rate = at_once(max(Count, Outstanding), Outstanding, fun(_) -> Bytes = ask(To, Blob) end),
    To ! stop,
    [{rate, Rate * Bytes / 1048576}];
command("spawn", [Count]) ->
    Before = erlang:memory(total),
    Begin = now_ns(),
    Idle = [spawn(?MODULE, idle, []) || _ <- lists:seq(1, Count)],
    Spawned = seconds(Begin),
    Memory = (erlang:memory(total) - Before) / Count,
    Stopping = now_ns(),
    Watched = [begin Watch = monitor(process, Pid), Pid ! stop, Watch end || Pid <- Idle],
    [receive {'DOWN', Watch, _, _, _} -> ok end || Watch <- Watched],
    [{spawn, Count / Spawned}, {memory, Memory}, {stop, seconds(Stopping) * 100000 / Count}];
command("ring", [Hops, Places, Tokens]) ->
    Home = self(),
    Links = [spawn(fun() -> receive {next, Next} -> link_in(Next, Home) end end)
             || _ <- lists:seq(1, Places)],
    [Link ! {next, Next} || {Link, Next} <- lists:zip(Links, tl(Links) ++ [hd(Links)])],
    Begin = now_ns(),
    [lists:nth(Index * Places div Tokens + 1, Links) ! Hops || Index <- lists:seq(0, Tokens - 1)],
    [receive done -> ok end || _ <- lists:seq(1, Tokens)],
    Rate = Tokens * Hops / seconds(Begin),
    [Link ! stop || Link <- Links],
    [{rate, Rate}].

place() ->
    case os:getenv("PEER") of
        false -> node();
        Name ->
            Node = list_to_atom(Name),
            true = net_kernel:connect_node(Node),
            Node
    end.

tell(_, Count, Count) -> ok;
tell(To, Number, Count) ->
    To ! {Number, ?TEXT},
    tell(To, Number + 1, Count).

ask(To, Message) ->
    Ref = make_ref(),
    To ! {ask, self(), Ref, Message},
    receive {Ref, Answer} -> Answer end.

latency(Ask, Number) ->
    Begin = now_ns(),
    Ask(Number),
    now_ns() - Begin.

%% So many processes with one ask outstanding each; returns asks a second.
at_once(Count, Outstanding, Ask) ->
    Self = self(),
    Each = lists:seq(1, max(Count div Outstanding, 1)),
    Begin = now_ns(),
    [spawn_link(fun() -> [Ask(Number) || Number <- Each], Self ! asked end)
     || _ <- lists:seq(1, Outstanding)],
    [receive asked -> ok end || _ <- lists:seq(1, Outstanding)],
    length(Each) * Outstanding / seconds(Begin).

count(Handled) ->
    receive
        {_, Text} when is_binary(Text) -> count(Handled + 1);
        {expect, _, From} -> From ! {handled, Handled}
    end.

echo() ->
    receive
        {ask, From, Ref, {Number, _Text}} -> From ! {Ref, Number}, echo();
        {ask, From, Ref, Blob} -> From ! {Ref, byte_size(Blob)}, echo();
        stop -> ok
    end.

idle() -> receive stop -> ok end.

link_in(Next, Home) ->
    receive
        0 -> Home ! done, link_in(Next, Home);
        stop -> ok;
        Hops -> Next ! Hops - 1, link_in(Next, Home)
    end.

now_ns() -> erlang:monotonic_time(nanosecond).
seconds(Begin) -> (now_ns() - Begin) / 1.0e9.
