-- columns: id_cidadao bigint, nome text, nome_social text, dt_nascimento date, idade integer, raca_cor text, cpf text, cns text, telefone text, ibge text, cnes text, unidade text, ine text, equipe text, micro_area text, dt_cadastro date, dt_dum date, idade_gestacional integer, dt_provavel_parto date, trimestre integer, dt_primeira_consulta date, idade_gestacional_primeira_consulta integer, st_captacao_precoce boolean, dt_ultima_consulta date, consultas_pre_natal integer, st_seis_consultas boolean, dt_teste_sifilis date, dt_teste_hiv date, st_sifilis_e_hiv boolean, dt_consulta_odonto date, st_odonto boolean, dt_dtpa date, pressao_sistolica integer, pressao_diastolica integer, gestas_previas integer, partos integer, st_alto_risco boolean, st_hipertensao boolean, st_diabetes boolean, visitas_na_gestacao integer, dt_ultima_visita date, dias_desde_consulta integer, dt_extracao timestamptz
-- key: id_cidadao
-- volatile: dias_desde_consulta, dt_extracao
-- Living women with a consultation in a pregnancy whose last period began at most 42 weeks ago.
with gestacao as (
    select ultima.*
    from (
        select distinct on (a.co_fat_cidadao_pec) a.co_fat_cidadao_pec, a.co_dim_tempo_dum,
            t.dt_registro as dum, a.nu_pressao_sistolica as sistolica,
            a.nu_pressao_diastolica as diastolica, a.nu_gestas_previas as gestas,
            a.nu_partos as partos
        from tb_fat_atendimento_individual as a
        join tb_dim_tempo as t on t.co_seq_dim_tempo = a.co_dim_tempo_dum
        where a.co_dim_tempo_dum <> 30001231
        order by a.co_fat_cidadao_pec, a.co_dim_tempo_dum desc, a.co_dim_tempo desc,
            a.co_seq_fat_atd_ind desc
    ) as ultima
    cross join (
        select max(dt_processamento)::date as dia from tb_relatorio_processamento
    ) as h
    where ultima.dum >= h.dia - 294
)
select
    c.co_seq_fat_cidadao_pec as id_cidadao, c.no_cidadao as nome, c.no_social_cidadao as nome_social,
    nascimento.dt_registro as dt_nascimento,
    extract(year from age(hoje.dia, nascimento.dt_registro))::integer as idade,
    cor.ds_raca_cor as raca_cor, c.nu_cpf_cidadao as cpf, c.nu_cns as cns,
    c.nu_telefone_celular as telefone, municipio.co_ibge as ibge, unidade.nu_cnes as cnes,
    unidade.no_unidade_saude as unidade, equipe.nu_ine as ine, equipe.no_equipe as equipe,
    cadastro.nu_micro_area as micro_area, cadastrado.dt_registro as dt_cadastro,
    gestacao.dum as dt_dum, (hoje.dia - gestacao.dum) / 7 as idade_gestacional,
    gestacao.dum + 280 as dt_provavel_parto,
    case when hoje.dia - gestacao.dum < 98 then 1 when hoje.dia - gestacao.dum < 196 then 2
        else 3 end as trimestre,
    consulta.primeira as dt_primeira_consulta,
    coalesce(consulta.semanas, (consulta.primeira - gestacao.dum) / 7)
        as idade_gestacional_primeira_consulta,
    consulta.primeira - gestacao.dum <= 84 as st_captacao_precoce,
    consulta.ultima as dt_ultima_consulta, consulta.vezes as consultas_pre_natal,
    consulta.vezes >= 6 as st_seis_consultas, exame.sifilis as dt_teste_sifilis,
    exame.hiv as dt_teste_hiv,
    exame.sifilis is not null and exame.hiv is not null as st_sifilis_e_hiv,
    dentista.ultima as dt_consulta_odonto, dentista.ultima is not null as st_odonto,
    dtpa.ultima as dt_dtpa, gestacao.sistolica as pressao_sistolica,
    gestacao.diastolica as pressao_diastolica, gestacao.gestas as gestas_previas, gestacao.partos,
    coalesce(risco.alto, false) as st_alto_risco,
    coalesce(cadastro.st_hipertensao_arterial = 1, false) as st_hipertensao,
    coalesce(cadastro.st_diabete = 1, false) as st_diabetes,
    coalesce(visita.vezes, 0) as visitas_na_gestacao, visita.ultima as dt_ultima_visita,
    hoje.dia - consulta.ultima as dias_desde_consulta,
    now() as dt_extracao
from tb_fat_cidadao_pec as c
-- The list says how things stood when PEC last processed, not at whatever hour it is read.
cross join (
    select max(dt_processamento)::date as dia from tb_relatorio_processamento
) as hoje
left join tb_dim_tempo as nascimento
    on nascimento.co_seq_dim_tempo = c.co_dim_tempo_nascimento
    and nascimento.co_seq_dim_tempo <> 30001231
left join tb_dim_raca_cor as cor
    on cor.co_seq_dim_raca_cor = c.co_dim_raca_cor and cor.co_seq_dim_raca_cor <> 1
left join tb_dim_unidade_saude as unidade
    on unidade.co_seq_dim_unidade_saude = c.co_dim_unidade_saude_vinc
    and unidade.co_seq_dim_unidade_saude <> 1
left join tb_dim_equipe as equipe
    on equipe.co_seq_dim_equipe = c.co_dim_equipe_vinc and equipe.co_seq_dim_equipe <> 1
left join (
    select distinct on (co_fat_cidadao_pec) *
    from tb_fat_cad_individual
    order by co_fat_cidadao_pec, co_dim_tempo desc, co_seq_fat_cad_individual desc
) as cadastro on cadastro.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join tb_dim_tempo as cadastrado
    on cadastrado.co_seq_dim_tempo = cadastro.co_dim_tempo
    and cadastrado.co_seq_dim_tempo <> 30001231
left join tb_dim_municipio as municipio
    on municipio.co_seq_dim_municipio = cadastro.co_dim_municipio
    and municipio.co_seq_dim_municipio <> 1
join gestacao on gestacao.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
join (
    select a.co_fat_cidadao_pec, count(*) as vezes, min(t.dt_registro) as primeira,
        max(t.dt_registro) as ultima, min(a.nu_idade_gestacional_semanas) as semanas
    from gestacao as g
    join tb_fat_atendimento_individual as a
        on a.co_fat_cidadao_pec = g.co_fat_cidadao_pec and a.co_dim_tempo_dum = g.co_dim_tempo_dum
    join tb_dim_tempo as t on t.co_seq_dim_tempo = a.co_dim_tempo and t.co_seq_dim_tempo <> 30001231
    group by a.co_fat_cidadao_pec
) as consulta on consulta.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select p.co_fat_cidadao_pec,
        max(t.dt_registro) filter (where d.co_proced = '0214010074') as sifilis,
        max(t.dt_registro) filter (where d.co_proced = '0214010058') as hiv
    from gestacao as g
    join tb_fat_atd_ind_procedimentos as p on p.co_fat_cidadao_pec = g.co_fat_cidadao_pec
    join tb_dim_procedimento as d on d.co_seq_dim_procedimento
        in (p.co_dim_procedimento_avaliado, p.co_dim_procedimento_solicitado)
    join tb_dim_tempo as t
        on t.co_seq_dim_tempo = p.co_dim_tempo and t.co_seq_dim_tempo <> 30001231
        and t.dt_registro >= g.dum
    where d.co_proced in ('0214010074', '0214010058')
    group by p.co_fat_cidadao_pec
) as exame on exame.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select o.co_fat_cidadao_pec, max(t.dt_registro) as ultima
    from gestacao as g
    join tb_fat_atendimento_odonto as o on o.co_fat_cidadao_pec = g.co_fat_cidadao_pec
    join tb_dim_tempo as t
        on t.co_seq_dim_tempo = o.co_dim_tempo and t.co_seq_dim_tempo <> 30001231
        and t.dt_registro >= g.dum
    group by o.co_fat_cidadao_pec
) as dentista on dentista.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select v.co_fat_cidadao_pec, max(t.dt_registro) as ultima
    from gestacao as g
    join tb_fat_vacinacao_vacina as v on v.co_fat_cidadao_pec = g.co_fat_cidadao_pec
    join tb_dim_imunobiologico as i
        on i.co_seq_dim_imunobiologico = v.co_dim_imunobiologico and i.sg_imunobiologico = 'dTpa'
    join tb_dim_tempo as t
        on t.co_seq_dim_tempo = v.co_dim_tempo_vacina_aplicada and t.co_seq_dim_tempo <> 30001231
        and t.dt_registro >= g.dum
    group by v.co_fat_cidadao_pec
) as dtpa on dtpa.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select p.co_fat_cidadao_pec, true as alto
    from gestacao as g
    join tb_fat_atd_ind_problemas as p on p.co_fat_cidadao_pec = g.co_fat_cidadao_pec
    join tb_dim_tempo as t
        on t.co_seq_dim_tempo = p.co_dim_tempo and t.co_seq_dim_tempo <> 30001231
        and t.dt_registro >= g.dum
    left join tb_dim_ciap as ciap on ciap.co_seq_dim_ciap = p.co_dim_ciap
    left join tb_dim_cid as cid on cid.co_seq_dim_cid = p.co_dim_cid
    where ciap.nu_ciap = 'W84' or cid.nu_cid in ('Z35', 'O14', 'O24')
    group by p.co_fat_cidadao_pec
) as risco on risco.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
left join (
    select v.co_fat_cidadao_pec, count(*) as vezes, max(t.dt_registro) as ultima
    from gestacao as g
    join tb_fat_visita_domiciliar as v on v.co_fat_cidadao_pec = g.co_fat_cidadao_pec
    join tb_dim_tempo as t
        on t.co_seq_dim_tempo = v.co_dim_tempo and t.co_seq_dim_tempo <> 30001231
        and t.dt_registro >= g.dum
    group by v.co_fat_cidadao_pec
) as visita on visita.co_fat_cidadao_pec = c.co_seq_fat_cidadao_pec
where c.st_faleceu = 0 and c.co_dim_sexo = 3
